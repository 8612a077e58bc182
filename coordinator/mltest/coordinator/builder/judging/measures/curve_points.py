"""Points of ROC, precision-recall, calibration and residual curves; runs in the builder's child."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures.measures import class_shares, positive_columns, rank_reason
from mltest.coordinator.builder.judging.measures.score_measures import CALIBRATION_BINS, calibration_bins

_PARTS = 10


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


def precision_points(evidence: PredictionEvidence, recalls: Sequence[float]) -> list[tuple[str, float]]:
    """Return the largest precision that each class has at no less than these recalls, by "class@recall".

    There has to be a curve, see `roc_points`.
    """
    from sklearn.metrics import precision_recall_curve

    assert evidence.truth is not None
    truth = evidence.truth.astype(np.int64)
    columns, positives = positive_columns(evidence.model, evidence.predictions)
    found: list[tuple[str, float]] = []
    for position, label in enumerate(positives):
        precision, recall, _ = precision_recall_curve(truth == label, columns[:, position])
        name = evidence.model.classes[label]
        found += [(f"{name}@{least:g}", float(precision[recall >= least].max())) for least in recalls]
    return found


def residual_points(truth: NDArray[np.float64], values: NDArray[np.float64]) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the residuals of each tenth of the rows, ordered by the predicted value, with the range of these values.

    Args:
        truth: (rows,).
        values: (rows,), predicted; equal ones stay together, so that there may be fewer than ten parts.

    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)))
    parts = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for part in np.unique(parts).tolist():
        own = parts == part
        found.append((f"{values[own].min():.4g} to {values[own].max():.4g}", (values - truth)[own]))
    return found


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
