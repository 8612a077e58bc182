"""Xi-alpha bounds of the leave-one-out error of a support vector machine; runs in the builder's child.

Source: Joachims 2000, "Estimating the generalization performance of an SVM efficiently", definitions 1 to 4. R2 is
here the largest minus the smallest value of the kernel on the training rows, for c <= K(x, x') <= c + R2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.surgery.ensembles import rows_before_final
from mltest.shared.native.outputs import final_estimator

_MOST_ROWS = 10_000
"""Whose kernel matrix is looked at, in blocks."""
_BLOCK = 1000
_AT_BOUND = 1e-9
"""Relative: a weight this close to its bound is at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of the leave-one-out estimates; a part is None where it has no denominator."""

    error: float
    recall: float | None
    precision: float | None
    f1: float | None


def xi_alpha_facts(evidence: ModelEvidence, test: str, *, rho: float) -> Facts:
    """Return the bounds, or why there are none."""
    facts = Facts(test)
    reason = _obstacle(evidence)
    if reason:
        facts.add("xi_alpha_error", None, reason=reason)
        return facts
    assert evidence.native is not None
    assert evidence.training is not None
    rows, truth = evidence.training
    final = final_estimator(evidence.native.estimator)
    inner = rows_before_final(evidence.native.estimator, evidence.native.prepare(rows)).astype(np.float64)
    bounds = xi_alpha_bounds(final, inner, np.where(truth.astype(np.int64) == 1, 1.0, -1.0), rho=rho)
    for metric in ("error", "recall", "precision", "f1"):
        value = getattr(bounds, metric)
        reason = "" if value is not None else "no row of the second class is left by which it could be told"
        facts.add(f"xi_alpha_{metric}", value, count=len(rows), reason=reason)
    return facts


def xi_alpha_bounds(
    machine: Any, rows: NDArray[np.float64], signs: NDArray[np.float64], *, rho: float, radius2: float | None = None
) -> Bounds:
    """Return the bounds of `machine`, a binary sklearn.svm.SVC that was fitted with exactly these rows.

    Args:
        machine: the estimator.
        rows: (rows, features), as it got them.
        signs: (rows,), 1 for its second class, -1 for its first.
        rho: 2 for the proven bound.
        radius2: R2; None: from the kernel on `rows`.

    """
    weights = np.zeros(len(rows))
    weights[machine.support_] = np.abs(np.asarray(machine.dual_coef_).ravel())
    slack = np.maximum(0.0, 1.0 - signs * machine.decision_function(rows))
    spread = _kernel_spread(machine, rows) if radius2 is None else radius2
    is_doubtful = rho * weights * spread + slack >= 1
    is_positive = signs > 0
    positives = int(is_positive.sum())
    lost, false = int((is_doubtful & is_positive).sum()), int((is_doubtful & ~is_positive).sum())
    kept = positives - lost
    return Bounds(
        error=float(is_doubtful.mean()),
        recall=kept / positives if positives else None,
        precision=kept / (kept + false) if kept + false else None,
        f1=2 * kept / (2 * positives - lost + false) if 2 * positives - lost + false else None,
    )


def _obstacle(evidence: ModelEvidence) -> str:
    assert evidence.native is not None
    final = final_estimator(evidence.native.estimator)
    if type(final).__name__ != "SVC":
        return f"it is for sklearn.svm.SVC (hinge loss, kernel), and this is {type(final).__name__}"
    if len(final.classes_) != 2:
        return f"it is for two classes, and this model has {len(final.classes_)}"
    if evidence.training is None:
        return "what the model was trained with is not given (--training FILE)"
    rows, _ = evidence.training
    if (np.abs(final.dual_coef_) >= final.C * final.class_weight_.min() * (1 - _AT_BOUND)).all():
        return "every support vector is at its bound, so that the offset is not unique and the bounds do not hold"
    trained = next(iter(final.shape_fit_))
    if len(rows) != trained:
        return f"the training data have {len(rows)} rows, and the model was trained with {trained}"
    if len(rows) > _MOST_ROWS:
        return f"it compares every pair of training rows, and {len(rows)} are more than {_MOST_ROWS}"
    inner = rows_before_final(evidence.native.estimator, evidence.native.prepare(rows))
    if not np.allclose(inner[final.support_], final.support_vectors_, rtol=1e-5, atol=1e-8):
        return "the training data are not those, or not in the order, that the model was trained with"
    return ""


def _kernel_spread(machine: Any, rows: NDArray[np.float64]) -> float:
    low, high = np.inf, -np.inf
    for start in range(0, len(rows), _BLOCK):
        block = _kernel(machine, rows[start : start + _BLOCK], rows)
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    return high - low


def _kernel(machine: Any, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.metrics.pairwise import pairwise_kernels

    if callable(machine.kernel):
        values = machine.kernel(left, right)
    elif machine.kernel == "linear":
        values = pairwise_kernels(left, right, metric="linear")
    else:
        extra = {"rbf": {}, "poly": {"degree": machine.degree, "coef0": machine.coef0}}.get(
            machine.kernel, {"coef0": machine.coef0}
        )
        values = pairwise_kernels(left, right, metric=machine.kernel, gamma=machine._gamma, **extra)
    return np.asarray(values, dtype=np.float64)
