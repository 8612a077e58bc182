"""Weights of linear models."""

import numpy as np

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.native.outputs import final_estimator


def weight_facts(evidence: ModelEvidence, test: str) -> Facts:
    """Return how many weights there are, and how many of them are 0; a kernel that is not linear has none."""
    facts = Facts(test)
    assert evidence.native is not None
    final = final_estimator(evidence.native.estimator)
    try:
        weights = final.coef_
    except AttributeError:
        facts.add("parameter_count", None, reason=f"{type(final).__name__} has no weights of features")
        return facts
    # Some solvers keep them sparse.
    values = np.asarray(weights.toarray() if hasattr(weights, "toarray") else weights)
    intercept = np.asarray(getattr(final, "intercept_", 0.0))
    facts.add("parameter_count", values.size + intercept.size)
    facts.add("zero_parameter_ratio", (values == 0).mean(), count=values.size)
    is_used = (values.reshape(-1, values.shape[-1]) != 0).any(axis=0)
    facts.add("used_feature_count", is_used.sum(), count=len(is_used))
    return facts
