"""What a model says of images that are corrupted, by severity; runs in the builder's child."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.disturbance.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from mltest.coordinator.builder.judging.importance.importance_facts import mean_interval, score
from mltest.coordinator.builder.judging.measures.said import labels_of, right_rows
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.networks.row_shape import image_shape
from mltest.coordinator.tests.wilson import wilson_interval
from mltest.shared.domain import Task
from mltest.shared.errors import PredictionError
from mltest.shared.native.predictions import Predictions

_METRICS = {Task.CLASSIFICATION: "corruption_accuracy", Task.REGRESSION: "corruption_r2"}
_HOW = (
    "rows are not image-shaped; if they are, say so in the plan (params = {image_shape = [height, width]} or "
    "[channels, height, width]) or give X as (rows, channels, height, width)"
)
_PIXELS_AT_ONCE = 1 << 22
"""Corrupted together: large images take memory."""
Shape = tuple[int, ...]
Wrong = dict[str, list[NDArray[np.bool_]]]
"""By corruption: which labels (rows,) are wrong, for each severity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Images:
    """Rows as images."""

    rows: NDArray[np.floating]
    """(rows, features)."""
    shape: Shape
    """(channels, height, width)."""
    low: float
    high: float

    def corrupted(self, name: str, severity: int, seed: int) -> NDArray[np.floating]:
        """Return rows (rows, features) within the range of the data."""
        random = np.random.default_rng((seed, list(CORRUPTIONS).index(name), severity))
        count = max(_PIXELS_AT_ONCE // self.rows.shape[1], 1)
        parts = (self.rows[first : first + count] for first in range(0, len(self.rows), count))
        return np.concatenate([self._part(part, name, severity, random) for part in parts])

    def _part(
        self, rows: NDArray[np.floating], name: str, severity: int, random: np.random.Generator
    ) -> NDArray[np.floating]:
        span = self.high - self.low
        pixels = ((rows.astype(np.float64) - self.low) / span).reshape(-1, *self.shape)
        changed = corrupted(name, pixels, severity, random) * span + self.low
        return np.clip(changed, self.low, self.high).reshape(rows.shape).astype(rows.dtype)


def corruption_facts(
    evidence: ModelEvidence, test: str, *, image_shape: Shape, rows: int, seed: int, budget_s: float
) -> Facts:
    """Return accuracy (or R2) and labels that stay for each corruption and severity, and the mean corruption error."""
    facts = Facts(test)
    metric = _METRICS.get(evidence.model.task, "corruption_agreement")
    shape, reason = _shape(evidence, image_shape)
    seen = evidence.rows[:rows]
    reason = reason or _unusable(seen)
    if reason:
        facts.add(metric, None, reason=reason)
        return facts
    truth = None if evidence.truth is None else evidence.truth[:rows]
    # Every one of these is of the first rows.
    evidence = replace(evidence, rows=seen, truth=truth, reference=evidence.predict(seen))
    images = _Images(rows=seen, shape=shape, low=float(seen.min()), high=float(seen.max()))
    wrong: Wrong = {}
    missed = 0
    for severity in SEVERITIES:
        for name in CORRUPTIONS:
            if not evidence.has_time(budget_s):
                missed += 1
                continue
            said = _answers(evidence, images.corrupted(name, severity, seed))
            _add(facts, evidence, f"{name} {severity}", said, metric)
            if isinstance(said, Predictions) and metric == "corruption_accuracy" and truth is not None:
                wrong.setdefault(name, []).append(~right_rows(said, truth))
    if missed:
        reason = f"{missed} corruptions were not reached in {budget_s:g} s (budget_s sets it)"
        facts.add(metric, None, statistic="curve", reason=reason)
    _add_errors(facts, evidence, wrong)
    return facts


def _shape(evidence: ModelEvidence, given: Shape) -> tuple[Shape, str]:
    """Return (channels, height, width) by the plan, the data or the model; or why there is none."""
    features = evidence.rows.shape[1]
    if given and int(np.prod(given)) != features:
        return (), f"image_shape {list(given)} has {int(np.prod(given))} values, and a row has {features}"
    shape = given or evidence.row_shape or image_shape(evidence)
    if len(shape) not in (2, 3):
        return (), _HOW
    return (1, *shape)[-3:], ""


def _unusable(rows: NDArray[np.floating]) -> str:
    if not np.isfinite(rows).all():
        return "the images have missing or infinite values"
    return "" if rows.max() > rows.min() else "every pixel of the data has the same value"


def _answers(evidence: ModelEvidence, rows: NDArray[np.floating]) -> Predictions | str:
    try:
        return evidence.predict(rows)
    except PredictionError as error:
        return f"the model does not take such rows: {error.facts.get('detail', error.message)}".removesuffix(".")


def _add(facts: Facts, evidence: ModelEvidence, label: str, said: Predictions | str, metric: str) -> None:
    if isinstance(said, str):
        facts.add(metric, None, statistic="curve", label=label, reason=said)
        return
    count = len(evidence.rows)
    if metric == "corruption_accuracy" and evidence.truth is not None:
        _add_share(facts, metric, label, right_rows(said, evidence.truth))
    if metric == "corruption_r2" and evidence.truth is not None:
        found = score(evidence, said)
        reason = "" if found is not None else "it is not defined for these values"
        facts.add(metric, found, statistic="curve", label=label, count=count, reason=reason)
    if evidence.model.task.gives_labels:
        _add_share(facts, "corruption_agreement", label, labels_of(said) == labels_of(evidence.reference))


def _add_share(facts: Facts, metric: str, label: str, hits: NDArray[np.bool_]) -> None:
    interval = wilson_interval(int(hits.sum()), len(hits))
    facts.add(metric, float(hits.mean()), statistic="curve", label=label, interval=interval, count=len(hits))


def _add_errors(facts: Facts, evidence: ModelEvidence, wrong: Wrong) -> None:
    """Add the mean over severities of each corruption that has them all, and the mean over corruptions likewise."""
    of_rows = {name: np.mean(found, axis=0) for name, found in wrong.items() if len(found) == len(SEVERITIES)}
    for name, shares in of_rows.items():
        facts.add("corruption_error", shares.mean(), statistic="corruption", label=name, count=len(shares))
    if len(of_rows) < len(CORRUPTIONS):
        if evidence.truth is not None and evidence.model.task is Task.CLASSIFICATION:
            facts.add("corruption_error", None, reason="not every corruption was reached at every severity")
        return
    shares = np.mean(list(of_rows.values()), axis=0)
    changes = shares - ~right_rows(evidence.reference, evidence.truth)
    for metric, values, least in (("corruption_error", shares, 0.0), ("corruption_error_change", changes, -1.0)):
        interval = mean_interval(values)
        within = None if interval is None else (max(interval[0], least), min(interval[1], 1.0))
        facts.add(metric, values.mean(), statistic="mean", interval=within, count=len(values))
