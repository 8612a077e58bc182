"""An attack that needs nothing but labels: it starts at rows of another class and walks towards the row.

In the manner of Brendel et al. 2018, "Decision-based adversarial attacks", for the L-infinity norm.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.measures.said import labels_of, right_rows, unreached_reason
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence

Labels = Callable[[NDArray[np.floating]], NDArray[np.int64]]

_STARTS = 5
"""Nearest rows of another class from which it begins."""
_HALVINGS = 12
"""Of the way to a start."""
_FURTHER_HALVINGS = 5
"""Of a proposal that was good."""
_PROPOSALS = 50
"""Of one batch."""
_SHRINKS = (0.9, 0.97, 0.99)
"""How much smaller a change each third of a batch tries."""


def label_attack_facts(
    evidence: ModelEvidence,
    test: str,
    *,
    rows: int,
    steps: int,
    radii: tuple[float, ...],
    seed: int,
    budget_s: float,
) -> Facts:
    """Return the changes that were found, and the share of rows that withstood, for the first rows that are right."""
    facts = Facts(test)
    right = np.flatnonzero(right_rows(evidence.reference, evidence.truth))[:rows]
    found: list[float] = []
    attack = LabelAttack(evidence, seed)
    for row in right.tolist():
        if not evidence.has_time(budget_s):
            break
        found.append(attack.radius(row, steps))
    if not found:
        facts.add("radius_attacked", None, reason=unreached_reason(len(right)))
        return facts
    broken = np.array([radius for radius in found if np.isfinite(radius)])
    facts.add("attack_count", len(broken), count=len(found))
    facts.add("not_finished_count", len(right) - len(found), count=len(right))
    if len(broken):
        facts.add("radius_attacked", np.median(broken), statistic="median", count=len(broken))
    else:
        facts.add("radius_attacked", None, statistic="median", reason="the model says the same of every row")
    values = np.array(found)
    for radius in radii:
        share = (values > radius).mean()
        facts.add("robust_accuracy", share, statistic="at most", label=f"radius {radius:g}", count=len(found))
    return facts


class LabelAttack:
    """Attacks single rows of the data."""

    def __init__(self, evidence: ModelEvidence, seed: int) -> None:
        self._rows = evidence.rows
        self._labels = labels_of(evidence.reference)
        self._ranges = column_ranges(evidence.rows)
        self._predict = evidence.predict
        self._random = np.random.default_rng(seed)

    def radius(self, row: int, steps: int) -> float:
        """Return the size of the smallest change found, in shares of column ranges; infinity if none was found."""
        own, label = self._rows[row], self._labels[row]
        change = self._nearest(own, label)
        if change is None:
            return float("inf")
        best = self._halved(own, label, change, _HALVINGS)
        for _ in range(steps):
            best = self._smaller(own, label, best)
        # A start that lies at a threshold may be rounded to the other side of it.
        return float(np.abs(best).max()) if self._is_other(own, label, best[None])[0] else float("inf")

    def _nearest(self, own: NDArray[np.floating], label: int) -> NDArray[np.float64] | None:
        """Return the change to the nearest rows of another class (starts, columns), in shares of ranges."""
        others = self._rows[self._labels != label]
        if not len(others):
            return None
        scale = np.where(self._ranges > 0, self._ranges, 1.0)
        # A missing value is left as it is.
        changes = np.nan_to_num((others.astype(np.float64) - own) / scale, nan=0.0)
        nearest = np.argsort(np.abs(changes).max(axis=1), kind="stable")[:_STARTS]
        picked: NDArray[np.float64] = changes[nearest]
        return picked

    def _halved(
        self, own: NDArray[np.floating], label: int, changes: NDArray[np.float64], halvings: int
    ) -> NDArray[np.float64]:
        """Return the smallest of `changes`, each shortened by bisection as long as the label is another."""
        low, high = np.zeros(len(changes)), np.ones(len(changes))
        for _ in range(halvings):
            middle = (low + high) / 2
            is_other = self._is_other(own, label, changes * middle[:, None])
            low, high = np.where(is_other, low, middle), np.where(is_other, middle, high)
        shortened = changes * high[:, None]
        best: NDArray[np.float64] = shortened[np.abs(shortened).max(axis=1).argmin()]
        return best

    def _smaller(self, own: NDArray[np.floating], label: int, best: NDArray[np.float64]) -> NDArray[np.float64]:
        size = np.abs(best).max()
        limits = size * np.resize(_SHRINKS, _PROPOSALS)[:, None]
        pushed = self._random.random((_PROPOSALS, len(best))) < self._random.random((_PROPOSALS, 1))
        signs = np.where(self._random.random((_PROPOSALS, len(best))) < 0.8, np.sign(best), -np.sign(best))
        signs = np.where(signs == 0, self._random.choice((-1.0, 1.0), size=signs.shape), signs)
        proposals = np.where(pushed, signs * limits, np.clip(best, -limits, limits)) * (self._ranges > 0)
        good = np.flatnonzero(self._is_other(own, label, proposals))
        if not len(good):
            return best
        return self._halved(own, label, proposals[good], _FURTHER_HALVINGS)

    def _is_other(self, own: NDArray[np.floating], label: int, changes: NDArray[np.float64]) -> NDArray[np.bool_]:
        scale = np.where(self._ranges > 0, self._ranges, 1.0)
        labels = labels_of(self._predict((own + changes * scale).astype(self._rows.dtype)))
        return np.asarray(labels != label, dtype=np.bool_)
