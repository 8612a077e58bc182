"""How many rows of a network withstand attacks that follow its gradients; runs in the builder's child."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.said import right_rows
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.networks.ball import domain_of
from mltest.coordinator.builder.networks.ensemble import Effort, Ensemble, Outcome, untouched
from mltest.coordinator.builder.networks.white_box import white_box

AUTO, COLUMNS, IMAGE = "auto", "columns", "image"


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that are looked at, and those of them that can be attacked: the right ones."""

    count: int
    rows: NDArray[np.floating]
    labels: NDArray[np.int64]


def network_attack_facts(
    evidence: ModelEvidence,
    test: str,
    *,
    rows: int,
    radii: tuple[float, ...],
    ranges: str,
    effort: Effort,
    budget_s: float,
) -> Facts:
    """Return the share of rows that no attack broke within each radius, and what each attack broke."""
    facts = Facts(test)
    looked_at = _looked_at(evidence, rows)
    if not len(looked_at.rows):
        facts.add("robust_accuracy", None, reason="no row has the right label")
        return facts
    if evidence.reference.scores is None:
        facts.add("robust_accuracy", None, reason="the model gives labels only: 'label attack' needs nothing else")
        return facts
    box = white_box(evidence)
    if box.network is None:
        reason = f"its derivatives cannot be had ({box.reason}): Square alone, which asks for scores"
        facts.add("attack_count", None, statistic="gradients", reason=reason)
    ensemble = Ensemble(
        network=box.network,
        predict=evidence.predict,
        dtype=evidence.rows.dtype,
        image_shape=box.image_shape,
        effort=effort,
    )
    domain = domain_of(evidence.rows, is_image=is_image(ranges, box.image_shape))
    outcome = untouched(domain.ball(looked_at.rows.astype(np.float64), 0.0))
    clean = len(looked_at.rows) / looked_at.count
    facts.add("adversarial_accuracy", clean, label="radius 0", statistic="at most", count=looked_at.count)
    for number, radius in enumerate(sorted(radii), start=1):
        ball = domain.ball(looked_at.rows.astype(np.float64), radius)
        has_time = partial(evidence.has_time, budget_s * number / len(radii))
        outcome = ensemble.attack(ball, looked_at.labels, has_time, outcome.within_more())
        _add(facts, outcome, radius, looked_at, has_gradients=box.network is not None)
    return facts


def is_image(ranges: str, shape: tuple[int, ...]) -> bool:
    """Return whether all columns have one range: as is said, or where the model takes (channels, height, width)."""
    return ranges == IMAGE or (ranges == AUTO and bool(shape))


def _looked_at(evidence: ModelEvidence, rows: int) -> _Rows:
    right = right_rows(evidence.reference, evidence.truth)[:rows]
    assert evidence.truth is not None
    labels = evidence.truth[:rows].astype(np.int64)
    return _Rows(len(right), evidence.rows[:rows][right], labels[right])


def _add(facts: Facts, outcome: Outcome, radius: float, looked_at: _Rows, *, has_gradients: bool) -> None:
    label, count = f"radius {radius:g}", len(outcome.broken)
    withstood = int((~outcome.broken).sum())
    facts.add("robust_accuracy", withstood / count, statistic="at most", label=label, count=count)
    if has_gradients:
        facts.add("robust_accuracy", (~outcome.by_pgd).mean(), statistic="pgd", label=label, count=count)
    everywhere = withstood / looked_at.count
    facts.add("adversarial_accuracy", everywhere, statistic="at most", label=label, count=looked_at.count)
    for method, broken in outcome.counts.items():
        facts.add("attack_count", broken, statistic="verified", label=f"{label}, {method}", count=count)
    left = 0 if outcome.is_finished else withstood
    facts.add("not_finished_count", left, label=label, count=count)
