"""What follows from scores and probabilities: areas under curves, log loss, Brier score, calibration error."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure, grouped_sums

CALIBRATION_BINS = 15


def rank_measures(truth: NDArray[np.int64], columns: NDArray[np.float64], positives: Sequence[int]) -> Measure:
    """Return the areas under the ROC curve and the precision-recall curve, each the mean of one class against the rest.

    The second is average precision, as scikit-learn has it: no interpolation.

    Args:
        truth: (rows,), positions of classes.
        columns: (rows, len(positives)), larger means more likely.
        positives: the class that each column speaks for.

    """
    curves = [_curve(truth == label, columns[:, position]) for position, label in enumerate(positives)]

    def of(counts: Counts) -> NDArray[np.float64]:
        areas: NDArray[np.float64] = np.mean([curve(counts) for curve in curves], axis=0)
        return areas

    return Measure((("roc_auc", "value", ""), ("pr_auc", "value", "")), of)


def probability_measures(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> Measure:
    """Return log loss (nats), Brier score and expected calibration error.

    The Brier score is the sum over classes of squared differences, halved for two classes, as in scikit-learn. The
    calibration error takes the largest probability in 15 bins of equal width, each (low, high].

    Args:
        truth: (rows,), positions of classes.
        shares: (rows, classes), each row summing to 1.

    Source: Guo et al. 2017, "On calibration of modern neural networks", equation 3.

    """
    logs, squares = log_losses(truth, shares), brier_losses(truth, shares)
    gaps = (shares.argmax(axis=1) == truth) - shares.max(axis=1)
    bins = calibration_bins(shares.max(axis=1))

    def of(counts: Counts) -> NDArray[np.float64]:
        total = counts.sum(axis=1)
        errors = np.abs(grouped_sums(counts * gaps, bins, CALIBRATION_BINS)).sum(axis=1)
        values: NDArray[np.float64] = np.stack([counts @ logs, counts @ squares, errors], axis=1) / total[:, None]
        return values

    return Measure((("log_loss", "value", ""), ("brier", "value", ""), ("calibration_error", "value", "")), of)


def log_losses(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loss of each row (rows,); a certain mistake is bounded by the smallest step of float64."""
    of_truth = np.take_along_axis(shares, truth[:, None], axis=1)[:, 0]
    losses: NDArray[np.float64] = -np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1))
    return losses


def brier_losses(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared error of each row (rows,), halved for two classes."""
    wanted = np.eye(shares.shape[1])[truth]
    losses: NDArray[np.float64] = ((shares - wanted) ** 2).sum(axis=1)
    return losses / 2 if shares.shape[1] == 2 else losses


def calibration_bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin (rows,) of each largest probability, from 0."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins: NDArray[np.int64] = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, CALIBRATION_BINS - 1)
    return bins


def _curve(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Callable[[Counts], NDArray[np.float64]]:
    """Return what gives both areas (resamples, 2) of one class; equal scores are one point of the curve."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    has_ties = len(starts) < len(scores)
    positive = is_positive[order].astype(np.float64)

    def of(counts: Counts) -> NDArray[np.float64]:
        drawn = counts[:, order]
        hits = drawn * positive
        if has_ties:
            drawn, hits = (np.add.reduceat(values, starts, axis=1) for values in (drawn, hits))
        said, hit_sum = drawn.cumsum(axis=1), hits.cumsum(axis=1)
        all_hits = hits.sum(axis=1)
        all_misses = said[:, -1] - all_hits
        precision = np.divide(hit_sum, said, out=np.zeros_like(said), where=said > 0)
        hit_sum -= hits / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = ((drawn - hits) * hit_sum).sum(axis=1) / (all_hits * all_misses)
            average = (hits * precision).sum(axis=1) / all_hits
        return np.stack([roc, np.where(all_misses > 0, average, np.nan)], axis=1)

    return of
