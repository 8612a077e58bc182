"""The interval of a calibration error, which is never below 0 and too large of few rows.

Rows drawn again make it larger once more: percentiles of resamples always lie above the truth of a calibrated model.
So the upper end is that of the percentiles, and the lower end is taken from below the value by as much as resamples lie
above it; it is 0 where a calibrated model with these probabilities would show as large an error by chance.

Sources: Efron & Tibshirani 1993, section 13.4 (the reflected percentile); Bröcker & Smith 2007, "Increasing the
reliability of reliability diagrams" (what chance alone shows).
"""

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Interval
from mltest.coordinator.builder.judging.measures.score_measures import CALIBRATION_BINS, calibration_bins

_SIGMAS = 1.96


def calibration_interval(value: float, drawn: NDArray[np.float64], shares: NDArray[np.float64]) -> Interval:
    """Return the 95 % interval of a calibration error `value`.

    Args:
        value: of the rows as they are.
        drawn: (resamples,), of the resamples, at least one.
        shares: (rows, classes), each row summing to 1.

    """
    above = float(np.percentile(drawn, 97.5))
    low = 0.0 if value <= error_by_chance(shares) else max(0.0, 2 * value - above)
    return low, max(value, above)


def error_by_chance(shares: NDArray[np.float64]) -> float:
    """Return the calibration error that a calibrated model with these probabilities stays below in 97.5 % of samples.

    In each bin the right answers minus the confidence are about normal, with the variance sum c (1 - c).
    """
    confidence = shares.max(axis=1)
    variances = np.bincount(calibration_bins(confidence), confidence * (1 - confidence), CALIBRATION_BINS)
    of_bins = np.sqrt(np.maximum(variances, 0.0)) / len(shares)
    mean = np.sqrt(2 / np.pi) * of_bins.sum()
    return float(mean + _SIGMAS * np.sqrt((1 - 2 / np.pi) * (of_bins**2).sum()))
