"""What a transform did to robustness: one attack, from the same rows with the same seed, on model and candidate."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.candidate_evidence import CandidateEvidence
from mltest.coordinator.builder.judging.disturbance.label_attack import LabelAttack
from mltest.coordinator.builder.judging.measures.said import right_rows, unreached_reason
from mltest.coordinator.builder.model_evidence import Facts

_RESAMPLES = 500


def robustness_change(
    evidence: CandidateEvidence,
    test: str,
    *,
    rows: int,
    steps: int,
    radii: tuple[float, ...],
    seed: int,
    budget_s: float,
) -> Facts:
    """Return how much smaller the changes are that change the candidate's labels, and what share of rows withstands.

    Rows are those that the model has right; one that the candidate has wrong takes no change at all.
    """
    facts, native = Facts(test), evidence.native
    judged = evidence.judged_rows()
    right = judged[right_rows(native.reference, native.truth)[judged]][:rows]
    found = _attacked(evidence, right, steps=steps, seed=seed, budget_s=budget_s)
    facts.add("not_finished_count", len(right) - len(found), count=len(right))
    if not len(found):
        facts.add("radius_attacked_change", None, statistic="mean", reason=unreached_reason(len(right)))
        return facts
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(found), size=(_RESAMPLES, len(found)))
    _add_radii(facts, found, drawn)
    for radius in radii:
        change = (found[:, 1] > radius).astype(float) - (found[:, 0] > radius)
        label = f"radius {radius:g}"
        interval = _interval(change[drawn].mean(axis=1))
        facts.add("robust_accuracy_change", change.mean(), label=label, interval=interval, count=len(found))
        share = (found[:, 1] > radius).mean()
        facts.add("robust_accuracy", share, statistic="at most", label=label, count=len(found))
    return facts


def _attacked(
    evidence: CandidateEvidence, chosen: NDArray[np.int64], *, steps: int, seed: int, budget_s: float
) -> NDArray[np.float64]:
    """Return the sizes found on the model and on the candidate: (rows, 2); infinity where none was found."""
    native = evidence.native
    said = evidence.predict(native.rows)
    ours = replace(native, predict=evidence.predict, reference=said)
    is_right = right_rows(said, native.truth)
    found: list[tuple[float, float]] = []
    for row in chosen.tolist():
        if not native.has_time(budget_s):
            break
        theirs = LabelAttack(native, seed).radius(row, steps)
        found.append((theirs, LabelAttack(ours, seed).radius(row, steps) if is_right[row] else 0.0))
    return np.array(found).reshape(-1, 2)


def _add_radii(facts: Facts, found: NDArray[np.float64], drawn: NDArray[np.int64]) -> None:
    is_broken = np.asarray(np.isfinite(found).all(axis=1), dtype=np.bool_)
    if not is_broken.any():
        reason = "no change of the label was found in any row"
        facts.add("radius_attacked_change", None, statistic="mean", reason=reason)
        return
    finite = np.where(is_broken[:, None], found, 0.0)
    change = finite[:, 1] - finite[:, 0]
    drawn_counts = is_broken[drawn].sum(axis=1)
    means = change[drawn].sum(axis=1)[drawn_counts > 0] / drawn_counts[drawn_counts > 0]
    value, count = change[is_broken].mean(), int(is_broken.sum())
    facts.add("radius_attacked_change", value, statistic="mean", interval=_interval(means), count=count)
    facts.add("radius_attacked", np.median(found[is_broken, 1]), statistic="median", count=count)


def _interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
