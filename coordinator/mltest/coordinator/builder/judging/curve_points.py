"""Points of the ROC curve and of the calibration curve; runs in the builder's child."""

from collections.abc import Sequence

import numpy as np

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures import class_shares, positive_columns, rank_reason
from mltest.coordinator.builder.judging.score_measures import CALIBRATION_BINS, calibration_bins


def roc_points(evidence: PredictionEvidence, rates: Sequence[float]) -> tuple[list[tuple[str, float]], str]:
    """Return the largest recall that each class has at no more than these rates of false positives, by "class@rate".

    The text says why there is no curve; empty if there is one.
    """
    from sklearn.metrics import roc_curve

    assert evidence.truth is not None
    truth = evidence.truth.astype(np.int64)
    if reason := rank_reason(evidence.model, truth, evidence.predictions):
        return [], reason
    columns, positives = positive_columns(evidence.model, evidence.predictions)
    found: list[tuple[str, float]] = []
    for position, label in enumerate(positives):
        false_rate, recall, _ = roc_curve(truth == label, columns[:, position], drop_intermediate=False)
        reached = np.searchsorted(false_rate, rates, side="right") - 1
        name = evidence.model.classes[label]
        found += [(f"{name}@{rate:g}", float(recall[at])) for rate, at in zip(rates, reached.tolist(), strict=True)]
    return found, ""


def calibration_points(evidence: PredictionEvidence) -> tuple[list[tuple[str, float, int]], str]:
    """Return the share of right labels in each bin of the largest probability that has rows, with their number.

    The text says why there is no curve; empty if there is one.
    """
    assert evidence.truth is not None
    shares, reason = class_shares(evidence.model, evidence.predictions)
    if shares is None:
        return [], reason
    is_right = shares.argmax(axis=1) == evidence.truth
    bins = calibration_bins(shares.max(axis=1))
    found: list[tuple[str, float, int]] = []
    for number in np.unique(bins).tolist():
        own = bins == number
        label = f"{number / CALIBRATION_BINS:.3f}-{(number + 1) / CALIBRATION_BINS:.3f}"
        found.append((label, float(is_right[own].mean()), int(own.sum())))
    return found, ""
