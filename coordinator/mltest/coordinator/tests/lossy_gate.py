"""The gate for candidates that mean to change predictions: how many labels, and how much quality, they may cost."""

from typing import TYPE_CHECKING

from mltest.shared.domain import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.coordinator.builder.evidence import PredictionEvidence

DIFFERING_RATIO = 0.05
"""Share of labels that a lossy candidate may change unless the plan says otherwise."""
QUALITY_LOSS = 0.01
"""Accuracy or coefficient of determination that it may lose."""
_ROUNDING = 1e-12


def lossy_reason(evidence: "PredictionEvidence", *, max_differing_ratio: float, max_quality_loss: float) -> str:
    """Return which limit for lossy recipes these predictions do not keep; empty if they keep both.

    Args:
        evidence: predictions that fit the model (`agreement.misfit`).
        max_differing_ratio: largest share of rows whose label is not the native one, 0 to 1.
        max_quality_loss: largest loss of accuracy, or of the coefficient of determination.

    """
    evidence = evidence.judged()
    differing = differing_ratio(evidence)
    if differing is not None and differing > max_differing_ratio + _ROUNDING:
        count = round(differing * len(evidence.rows))
        return (
            f"{count} of {len(evidence.rows)} labels differ from the native model ({differing:.2%}); a lossy candidate "
            f"may change {max_differing_ratio:.2%} (--lossy-max-differing, in a plan lossy_max_differing_ratio, sets "
            "it)"
        )
    loss = quality_loss(evidence)
    if loss is not None and not loss <= max_quality_loss + _ROUNDING:
        return (
            f"its {quality_name(evidence)} is {loss:.4f} below that of the native model; a lossy candidate may lose "
            f"{max_quality_loss:g} (--lossy-max-loss, in a plan lossy_max_quality_loss, sets it)"
        )
    return ""


def differing_ratio(evidence: "PredictionEvidence") -> float | None:
    """Return the share of rows whose label is not the native one; None where there are no labels."""
    if not evidence.model.task.gives_labels:
        return None
    assert evidence.predictions.labels is not None
    return float((evidence.predictions.labels != evidence.reference.labels).mean())


def quality_loss(evidence: "PredictionEvidence") -> float | None:
    """Return how much worse than the native model's the predictions are; below 0 if they are better.

    That is the difference of accuracy, or of the coefficient of determination (mean over targets). Without true values
    a regressor is held against the values of the native model itself; None where there is nothing to hold against.
    """
    evidence = evidence.judged()
    losses = {Task.CLASSIFICATION: _accuracy_loss, Task.REGRESSION: _determination_loss}
    task = evidence.model.task
    return losses[task](evidence) if task in losses else None


def quality_name(evidence: "PredictionEvidence") -> str:
    """Return what `quality_loss` is a loss of, for people."""
    return "accuracy" if evidence.model.task is Task.CLASSIFICATION else "coefficient of determination"


def _accuracy_loss(evidence: "PredictionEvidence") -> float | None:
    if evidence.truth is None:
        return None
    ours, theirs = evidence.predictions.labels, evidence.reference.labels
    assert ours is not None
    assert theirs is not None
    return float((theirs == evidence.truth).mean()) - float((ours == evidence.truth).mean())


def _determination_loss(evidence: "PredictionEvidence") -> float | None:
    import numpy as np

    ours, theirs = evidence.predictions.scores, evidence.reference.scores
    assert ours is not None
    assert theirs is not None
    truth = theirs if evidence.truth is None else evidence.truth.astype(np.float64).reshape(len(theirs), -1)
    if truth.shape != theirs.shape or truth.shape != ours.shape:
        return None
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if not bool((spread > 0).all()):
        return None
    return float(((_squares(ours, truth) - _squares(theirs, truth)) / spread).mean())


def _squares(values: "NDArray[np.float64]", truth: "NDArray[np.float64]") -> "NDArray[np.float64]":
    squares: NDArray[np.float64] = ((values - truth) ** 2).sum(axis=0)
    return squares
