"""Row by row: what a candidate says beside what the native model says."""

from typing import TYPE_CHECKING

from mltest.coordinator.analysis.arithmetic import allowed_difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.coordinator.builder.evidence import PredictionEvidence


def equal_labels(evidence: "PredictionEvidence") -> "NDArray[np.bool_]":
    """Return for each row (rows,) whether the label is the native one; of a classifier."""
    assert evidence.predictions.labels is not None
    assert evidence.reference.labels is not None
    equal: NDArray[np.bool_] = evidence.predictions.labels == evidence.reference.labels
    return equal


def tied_labels(evidence: "PredictionEvidence", tolerance: float) -> "NDArray[np.bool_]":
    """Return for each row (rows,) whether the candidate's label is as good as the native one by the native scores.

    The candidate's own probabilities have to be the native ones within the same tolerance. Where the native model
    decides between equal probabilities by something else than the order of its classes, they are no ties to it.
    """
    import numpy as np

    labels, scores, differences = evidence.predictions.labels, evidence.reference.scores, row_differences(evidence)
    if labels is None or scores is None or differences is None or not evidence.reference.are_probabilities:
        return np.zeros(len(evidence.rows), dtype=np.bool_)
    if not _decides_ties_by_order(evidence):
        return np.zeros(len(evidence.rows), dtype=np.bool_)
    said = scores[np.arange(len(scores)), labels.clip(min=0)]
    tied: NDArray[np.bool_] = (labels >= 0) & (scores.max(axis=1) - said <= tolerance) & (differences <= tolerance)
    return tied


def _decides_ties_by_order(evidence: "PredictionEvidence") -> bool:
    """Return whether of classes with equal probabilities the native model always says the first, or always the last."""
    labels, scores = evidence.reference.labels, evidence.reference.scores
    assert labels is not None
    assert scores is not None
    is_best = scores == scores.max(axis=1, keepdims=True)
    tied = is_best.sum(axis=1) > 1
    first, last = is_best.argmax(axis=1), is_best.shape[1] - 1 - is_best[:, ::-1].argmax(axis=1)
    return any(bool((labels[tied] == said[tied]).all()) for said in (first, last))


def row_differences(evidence: "PredictionEvidence") -> "NDArray[np.float64] | None":
    """Return the largest difference of each row's scores (rows,); None where they are not of one kind."""
    import numpy as np

    ours, theirs = evidence.predictions, evidence.reference
    if ours.scores is None or theirs.scores is None or ours.scores.shape != theirs.scores.shape:
        return None
    if ours.are_probabilities != theirs.are_probabilities:
        return None
    differences: NDArray[np.float64] = np.abs(ours.scores - theirs.scores).max(axis=1)
    return differences


def are_probabilities(evidence: "PredictionEvidence") -> bool:
    """Return whether the scores are class probabilities; a model may have them and still be timed by its labels."""
    return evidence.model.task.gives_labels and evidence.reference.are_probabilities


def explained_difference(evidence: "PredictionEvidence") -> float:
    """Return the largest difference of a score that the arithmetic of the candidate's type explains."""
    scores = evidence.reference.scores
    assert scores is not None
    found = are_probabilities(evidence)
    largest = 1.0 if found else float(abs(scores).max())
    return allowed_difference(largest, evidence.input_dtype, are_probabilities=found)
