"""The exact radius of a linear classifier; runs in the builder's child.

With x' = x + r * range * s and |s| <= 1, a score w.x + b changes by at most r * sum |w_j * range_j|. So class k stays
before class j for every r below (f_k - f_j) / sum |(w_k - w_j) * range|.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.measures.said import labels_of, right_rows
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.native.outputs import final_estimator

_AFFINE = 1e-6
"""Largest difference from an affine function, as a share of the largest score."""
_BEYOND, _WITHIN = 1.001, 0.999
"""Where a radius is verified: behind it the label has to change, before it not."""


def linear_radius_facts(evidence: ModelEvidence, test: str, *, radii: tuple[float, ...]) -> Facts:
    """Return the median radius and the robust accuracy; how many radii the model itself confirms."""
    facts = Facts(test, count=len(evidence.rows))
    assert evidence.native is not None
    weights, reason = affine_scores(evidence)
    if weights is None:
        facts.add("radius_exact", None, reason=reason)
        return facts
    slopes, offsets = weights
    found, directions = exact_radii(evidence.rows.astype(np.float64), slopes, offsets, column_ranges(evidence.rows))
    right = right_rows(evidence.reference, evidence.truth)
    facts.add(
        "radius_exact",
        float(np.median(found[right])) if right.any() else None,
        statistic="median",
        count=int(right.sum()),
        reason="" if right.any() else "no row has the right label",
    )
    for radius in radii if right.any() else ():
        share = float((found[right] > radius).mean())
        facts.add("robust_accuracy", share, statistic="exact", label=f"radius {radius:g}", count=int(right.sum()))
    flipped, kept = _confirmed(evidence, found, directions)
    facts.add("attack_count", flipped, statistic="verified", count=int(np.isfinite(found).sum()))
    if not kept:
        facts.add("radius_exact", None, statistic="verified", reason="within its radius a label changed: rounding")
    return facts


def exact_radii(
    rows: NDArray[np.float64], slopes: NDArray[np.float64], offsets: NDArray[np.float64], ranges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radius of each row (rows,), and the change (rows, columns) that reaches it at 1.

    Args:
        rows: (rows, columns).
        slopes: (classes, columns), of two classes (1, columns): above 0 is the second.
        offsets: (classes,) or (1,).
        ranges: (columns,), in which changes are measured.

    """
    if len(slopes) == 1:
        slopes, offsets = np.vstack([-slopes, slopes]) / 2, np.r_[-offsets, offsets] / 2
    scores = rows @ slopes.T + offsets
    winner = scores.argmax(axis=1)
    best, change = np.full(len(rows), np.inf), np.zeros(rows.shape)
    for other in range(len(slopes)):
        difference = slopes[winner] - slopes[other]
        reach = np.abs(difference * ranges).sum(axis=1)
        margin = scores[np.arange(len(rows)), winner] - scores[:, other]
        radius = np.divide(margin, reach, out=np.full(len(rows), np.inf), where=(reach > 0) & (winner != other))
        is_less = radius < best
        best[is_less] = radius[is_less]
        change[is_less] = (-np.sign(difference) * ranges)[is_less]
    return best, change


def affine_scores(
    evidence: ModelEvidence,
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]] | None, str]:
    """Return slopes and offsets of the decision function from X as it is in the data, or None and why there are none.

    They are read off the whole estimator, steps before the last one among them, and held against it on the data.
    """
    assert evidence.native is not None
    estimator = evidence.native.estimator
    final = final_estimator(estimator)
    if not hasattr(estimator, "decision_function"):
        return None, f"{type(final).__name__} has no decision function"
    if type(final).__name__ in ("SVC", "NuSVC") and len(evidence.model.classes) > 2:
        return None, "votes between pairs of classes have no closed form"
    if not np.isfinite(evidence.rows).all():
        return None, "the data have missing values"
    width = evidence.rows.shape[1]
    centre = np.asarray(evidence.rows, dtype=np.float64).mean(axis=0)
    steps = np.where(column_ranges(evidence.rows) > 0, column_ranges(evidence.rows), 1.0)
    base = _scores(estimator, centre[None, :])[0]
    slopes = ((_scores(estimator, centre + np.diag(steps)) - base) / steps[:, None]).T
    offsets = base - slopes @ centre
    rows = np.asarray(evidence.rows, dtype=np.float64)
    actual = _scores(estimator, rows)
    off = np.abs(actual - (rows @ slopes.T + offsets)).max()
    if not off <= _AFFINE * max(1.0, np.abs(actual).max()):
        return None, f"the decision function of {type(final).__name__} is not linear in the columns of X"
    assert slopes.shape[1] == width
    return (slopes, offsets), ""


def _scores(estimator: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(estimator.decision_function(rows), dtype=np.float64).reshape(len(rows), -1)


def _confirmed(evidence: ModelEvidence, radii: NDArray[np.float64], changes: NDArray[np.float64]) -> tuple[int, bool]:
    """Return how many labels change just behind their radius, and whether none does just before it."""
    reached = np.isfinite(radii)
    steps = np.where(reached, radii, 0.0)[:, None] * changes
    rows = np.asarray(evidence.rows, dtype=np.float64)
    beyond, within = evidence.predict(rows + _BEYOND * steps), evidence.predict(rows + _WITHIN * steps)
    labels = labels_of(evidence.reference)
    flipped = int((labels_of(beyond) != labels)[reached].sum())
    return flipped, bool((labels_of(within) == labels)[reached].all())
