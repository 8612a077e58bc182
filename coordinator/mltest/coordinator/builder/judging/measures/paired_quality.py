"""A candidate beside the native model on the same rows: differences with intervals, and tests of no difference."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures.bootstrap import Figure, Interval, intervals, points, resampled
from mltest.coordinator.builder.judging.measures.measures import measures_of
from mltest.coordinator.builder.judging.measures.said import right_rows
from mltest.shared.domain import Task
from mltest.shared.native.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The candidate's figures minus those of the native model."""

    values: Mapping[Figure, float]
    intervals: Mapping[Figure, Interval]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a change cannot be had, by metric."""


def changes_of(evidence: PredictionEvidence, *, resamples: int, seed: int) -> Changes:
    """Return the changes of every figure that both have."""
    assert evidence.truth is not None
    ours = measures_of(evidence.model, evidence.truth, evidence.predictions)
    theirs = measures_of(evidence.model, evidence.truth, evidence.reference)
    count = len(evidence.rows)
    our_points, their_points = points(ours.measures, count), points(theirs.measures, count)
    values = {figure: value - their_points[figure] for figure, value in our_points.items() if figure in their_points}
    reasons = {**theirs.reasons, **ours.reasons}
    if same_answers(evidence.predictions, evidence.reference):
        return Changes(values=values, intervals=dict.fromkeys(values, (0.0, 0.0)), reasons=reasons)
    if not evidence.is_lossy and _equal(evidence.predictions.labels, evidence.reference.labels, is_needed=True):
        return Changes(values=values, intervals={}, reasons=reasons)
    our_draws = resampled(ours.measures, count, resamples=resamples, seed=seed)
    their_draws = resampled(theirs.measures, count, resamples=resamples, seed=seed)
    draws = {figure: our_draws[figure] - their_draws[figure] for figure in values}
    return Changes(values=values, intervals=intervals(draws), reasons=reasons)


def same_answers(ours: Predictions, theirs: Predictions) -> bool:
    """Return whether both say exactly the same."""
    return _equal(ours.labels, theirs.labels) and _equal(ours.scores, theirs.scores)


def swapped_rows(evidence: PredictionEvidence) -> tuple[int, int]:
    """Return how many rows the native model has right and the candidate wrong, and how many the other way round."""
    is_ours = right_rows(evidence.predictions, evidence.truth)
    is_theirs = right_rows(evidence.reference, evidence.truth)
    return int((is_theirs & ~is_ours).sum()), int((is_ours & ~is_theirs).sum())


def p_value(evidence: PredictionEvidence) -> tuple[float | None, str]:
    """Return the two-sided p-value of the hypothesis that both are equally good, or None and why there is none.

    Sources: McNemar 1947, in its exact form; Wilcoxon 1945, on the differences of absolute errors.
    """
    from scipy.stats import binomtest, wilcoxon  # type: ignore[import-untyped]  # it has no types

    if evidence.model.task is Task.CLASSIFICATION:
        lost, won = swapped_rows(evidence)
        return (float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0), ""
    errors = _absolute_errors(evidence, evidence.predictions), _absolute_errors(evidence, evidence.reference)
    if errors[0] is None or errors[1] is None:
        return None, "the model and y do not have the same number of values a row"
    differences = errors[0] - errors[1]
    if not differences.any():
        return 1.0, ""
    return float(wilcoxon(differences).pvalue), ""


def _absolute_errors(evidence: PredictionEvidence, predictions: Predictions) -> NDArray[np.float64] | None:
    """Return the absolute error of each row (rows,), the mean over its targets."""
    assert evidence.truth is not None
    assert predictions.scores is not None
    values = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
    if values.shape != predictions.scores.shape:
        return None
    errors: NDArray[np.float64] = np.abs(predictions.scores - values).mean(axis=1)
    return errors


def _equal(ours: NDArray[np.generic] | None, theirs: NDArray[np.generic] | None, *, is_needed: bool = False) -> bool:
    if ours is None or theirs is None:
        return ours is theirs and not is_needed
    return bool(np.array_equal(ours, theirs))
