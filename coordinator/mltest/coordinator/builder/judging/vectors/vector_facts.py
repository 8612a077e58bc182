"""Properties of support vector machines with kernels."""

from typing import Any

import numpy as np

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.native.outputs import final_estimator

_AT_BOUND = 1e-9
"""Relative: a weight this close to its bound is at it."""


def vector_facts(evidence: ModelEvidence, test: str) -> Facts:
    """Return the numbers of support vectors; of a linear machine without a kernel, that it keeps none."""
    facts = Facts(test)
    assert evidence.native is not None
    final = final_estimator(evidence.native.estimator)
    if not hasattr(final, "support_vectors_"):
        facts.add("support_vector_count", None, reason=f"{type(final).__name__} keeps weights, not support vectors")
        return facts
    count = len(final.support_vectors_)
    facts.add("support_vector_count", count)
    trained = getattr(final, "shape_fit_", (0,))[0]
    if trained:
        facts.add("support_vector_ratio", count / trained, count=int(trained))
    else:
        facts.add("support_vector_ratio", None, reason="the file does not say how many rows it was trained with")
    _add_bounded(facts, final)
    size = final.support_vectors_.shape[1]
    facts.add("parameter_count", count * size + final.dual_coef_.size + final.intercept_.size)
    return facts


def _add_bounded(facts: Facts, final: Any) -> None:
    kind = type(final).__name__
    if kind.startswith("Nu") or len(getattr(final, "classes_", ())) > 2:
        reason = "only weights of two classes, or of values, have one bound that the file names"
        facts.add("bounded_vector_count", None, reason=reason)
        return
    weights = np.abs(np.asarray(final.dual_coef_)).ravel()
    bounds = final.C * (_class_weights(final) if hasattr(final, "classes_") else 1.0)
    facts.add("bounded_vector_count", (weights >= bounds * (1 - _AT_BOUND)).sum())


def _class_weights(final: Any) -> Any:
    """Return the factor of C of each support vector (vectors,); they stand class by class."""
    return np.repeat(np.asarray(final.class_weight_, dtype=np.float64), final.n_support_)
