"""What a model says when its rows are disturbed; runs in the builder's child."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.importance.importance_facts import mean_interval, score
from mltest.coordinator.builder.judging.measures.said import labels_of
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.domain import Task
from mltest.shared.errors import PredictionError
from mltest.shared.native.predictions import Predictions

Rows = NDArray[np.floating]
Disturb = Callable[[Rows, float, np.random.Generator], Rows]


def noise_facts(
    evidence: ModelEvidence, test: str, *, sizes: tuple[float, ...], repeats: int, seed: int, budget_s: float
) -> Facts:
    """Return accuracy or R2 under each disturbance, and the share of labels that stay: means over repeats."""
    facts = Facts(test, count=repeats)
    metrics = {Task.CLASSIFICATION: "noise_accuracy", Task.REGRESSION: "noise_r2"}
    metric = metrics.get(evidence.model.task, "noise_agreement")
    has_time = partial(evidence.has_time, budget_s)
    missed = cut = 0
    for name, disturb in DISTURBANCES.items():
        for size in sizes:
            answers = _answers(evidence, disturb, size, seed, repeats=repeats, has_time=has_time)
            if not answers:
                missed += 1
                continue
            cut += not isinstance(answers, str) and len(answers) < repeats
            _add(facts, evidence, f"{name} {size:g}", answers, metric)
    if missed or cut:
        also = f", and {cut} were not repeated {repeats} times" if cut else ""
        reason = f"{missed} disturbances were not reached{also} in {budget_s:g} s (budget_s sets it)"
        facts.add(metric, None, statistic="curve", reason=reason)
    return facts


def column_ranges(rows: Rows) -> NDArray[np.float64]:
    """Return the range of the finite values of each column (columns,); 0 of one that is constant."""
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    has_any = np.isfinite(finite).any(axis=0)
    ranges = np.zeros(rows.shape[1])
    ranges[has_any] = np.nanmax(finite[:, has_any], axis=0) - np.nanmin(finite[:, has_any], axis=0)
    return ranges


def _gaussian(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    return rows + random.normal(size=rows.shape) * size * column_ranges(rows)


def _uniform(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    return rows + random.uniform(-1, 1, size=rows.shape) * size * column_ranges(rows)


def _to_median(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    """Replace a share of the values by the median of their column, as an imputer would fill gaps."""
    return np.where(random.random(rows.shape) < size, np.nanmedian(rows, axis=0), rows)


def _shuffled(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    """Shuffle a share of the columns, at least one."""
    changed = np.array(rows)
    count = max(1, round(size * rows.shape[1]))
    for column in random.choice(rows.shape[1], size=count, replace=False).tolist():
        changed[:, column] = random.permutation(rows[:, column])
    return changed


def _coarse(rows: Rows, size: float, _: np.random.Generator) -> Rows:
    """Round to steps of a share of each column's range."""
    steps = column_ranges(rows) * size
    return np.where(steps > 0, np.round(rows / np.where(steps > 0, steps, 1)) * steps, rows)


def _missing(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    """Take a share of the values away (NaN), for models that fill gaps themselves."""
    return np.where(random.random(rows.shape) < size, np.nan, rows)


def _shifted(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    """Move every column as a whole, up or down, as drift of a sensor does."""
    return np.asarray(rows + random.choice((-1.0, 1.0), size=rows.shape[1]) * size * column_ranges(rows))


def _scaled(rows: Rows, size: float, random: np.random.Generator) -> Rows:
    """Spread or narrow every column around its median, by a share."""
    middle = np.nanmedian(rows, axis=0)
    factors = 1 + random.choice((-1.0, 1.0), size=rows.shape[1]) * size
    return np.asarray(middle + (rows - middle) * factors)


DISTURBANCES: Mapping[str, Disturb] = {
    "gaussian": _gaussian,
    "uniform": _uniform,
    "median": _to_median,
    "shuffled columns": _shuffled,
    "coarse": _coarse,
    "missing": _missing,
    "shifted": _shifted,
    "scaled": _scaled,
}


def _answers(
    evidence: ModelEvidence, disturb: Disturb, size: float, seed: int, *, repeats: int, has_time: Callable[[], bool]
) -> list[Predictions] | str:
    """Return what the model says in each repeat that there is time for, or why it says nothing."""
    found: list[Predictions] = []
    for repeat in range(repeats):
        if not has_time():
            break
        random = np.random.default_rng((seed, repeat))
        changed = disturb(evidence.rows, size, random).astype(evidence.rows.dtype)
        try:
            found.append(evidence.predict(changed))
        except PredictionError as error:
            return f"the model does not take such rows: {error.facts.get('detail', error.message)}".removesuffix(".")
    return found


def _add(facts: Facts, evidence: ModelEvidence, label: str, answers: list[Predictions] | str, metric: str) -> None:
    if isinstance(answers, str):
        facts.add(metric, None, statistic="curve", label=label, reason=answers)
        return
    if evidence.truth is not None and evidence.model.task is not Task.CLUSTERING:
        scores = [found for one in answers if (found := score(evidence, one)) is not None]
        if scores:
            least = 0.0 if evidence.model.task is Task.CLASSIFICATION else -np.inf
            interval = _within(mean_interval(np.array(scores)), least)
            facts.add(
                metric, float(np.mean(scores)), statistic="curve", label=label, interval=interval, count=len(scores)
            )
    if evidence.model.task.gives_labels:
        kept = np.array([(labels_of(one) == labels_of(evidence.reference)).mean() for one in answers])
        interval = _within(mean_interval(kept), 0.0)
        facts.add(
            "noise_agreement", float(kept.mean()), statistic="curve", label=label, interval=interval, count=len(kept)
        )


def _within(interval: tuple[float, float] | None, least: float) -> tuple[float, float] | None:
    """Return the part of an interval in which the figure can lie: Student's t knows no ends."""
    return None if interval is None else (max(interval[0], least), min(interval[1], 1.0))
