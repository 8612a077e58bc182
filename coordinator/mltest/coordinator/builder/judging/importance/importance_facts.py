"""Importance of features, by the model's own account and by shuffling columns."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.surgery.ensembles import rows_before_final
from mltest.shared.domain import Task
from mltest.shared.native.outputs import final_estimator
from mltest.shared.native.predictions import Predictions


def native_importance(evidence: ModelEvidence, test: str, *, shown_features: int) -> Facts:
    """Return the importances that the estimator has, the largest first; the statistic names the method."""
    facts = Facts(test)
    assert evidence.native is not None
    estimator = evidence.native.estimator
    final = final_estimator(estimator)
    rows = rows_before_final(estimator, evidence.native.prepare(evidence.rows))
    method, values = _own_account(final, rows)
    if values is None:
        facts.add("native_importance", None, reason=f"{type(final).__name__} has no account of its features")
        return facts
    # Steps of a pipeline may have made other columns.
    is_named = len(values) == len(evidence.columns) and rows.shape[1] == evidence.rows.shape[1]
    for position in np.argsort(-values, kind="stable")[:shown_features].tolist():
        label = evidence.column_name(position) if is_named or not evidence.columns else f"column {position}"
        facts.add("native_importance", values[position], statistic=method, label=label)
    return facts


def permutation_importance(
    evidence: ModelEvidence, test: str, *, repeats: int, shown_features: int, seed: int, budget_s: float
) -> Facts:
    """Return the mean loss of each feature, the largest first; and how many were not reached in time."""
    facts = Facts(test, count=repeats)
    base = score(evidence, evidence.reference)
    if base is None:
        facts.add("permutation_importance", None, reason=_unscored(evidence))
        return facts
    random = np.random.default_rng(seed)
    found: dict[int, NDArray[np.float64]] = {}
    shuffled = np.array(evidence.rows)
    for position in range(shuffled.shape[1]):
        if not evidence.has_time(budget_s):
            break
        losses = []
        for _ in range(repeats):
            shuffled[:, position] = random.permutation(evidence.rows[:, position])
            losses.append(base - (score(evidence, evidence.predict(shuffled)) or 0.0))
        shuffled[:, position] = evidence.rows[:, position]
        found[position] = np.array(losses)
    for position in sorted(found, key=lambda one: (-found[one].mean(), one))[:shown_features]:
        losses_of = found[position]
        facts.add(
            "permutation_importance",
            losses_of.mean(),
            statistic="feature",
            label=evidence.column_name(position),
            interval=mean_interval(losses_of),
        )
    missing = shuffled.shape[1] - len(found)
    if missing:
        reason = f"{missing} of {shuffled.shape[1]} columns were not reached in {budget_s:g} s (budget_s sets it)"
        facts.add("permutation_importance", None, reason=reason)
    return facts


def score(evidence: ModelEvidence, predictions: Predictions) -> float | None:
    """Return accuracy, or the coefficient of determination (mean over targets); None where it is not defined."""
    assert evidence.truth is not None
    if evidence.model.task is Task.CLASSIFICATION:
        assert predictions.labels is not None
        return float((predictions.labels == evidence.truth).mean())
    assert predictions.scores is not None
    truth = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
    if truth.shape != predictions.scores.shape:
        return None
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if not bool((spread > 0).all()):
        return None
    return float((1 - ((predictions.scores - truth) ** 2).sum(axis=0) / spread).mean())


def _unscored(evidence: ModelEvidence) -> str:
    assert evidence.truth is not None
    assert evidence.reference.scores is not None
    if evidence.truth.reshape(len(evidence.truth), -1).shape == evidence.reference.scores.shape:
        return "the true values are all the same: R2 is not defined"
    return "the model and y do not have the same number of values a row"


def mean_interval(losses: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean of `losses`, which are of independent repeats, by Student's t."""
    from scipy.stats import t  # type: ignore[import-untyped]  # it has no types

    if len(losses) < 2:
        return None
    half = float(t.ppf(0.975, len(losses) - 1)) * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    return float(losses.mean()) - half, float(losses.mean()) + half


def _own_account(final: Any, rows: NDArray[np.floating]) -> tuple[str, NDArray[np.float64] | None]:
    try:
        return "impurity", np.asarray(final.feature_importances_, dtype=np.float64)
    except AttributeError:
        pass
    try:
        weights = final.coef_
    except AttributeError:
        return "", None
    values = np.atleast_2d(weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights))
    if values.shape[1] != rows.shape[1]:
        return "", None
    return "weight", np.abs(values).mean(axis=0) * np.nanstd(rows, axis=0)
