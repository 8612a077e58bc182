"""What follows from predicted values: errors of a regressor as functions of row counts; means over several targets."""

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure


def value_measures(truth: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[Measure, ...]:
    """Return MSE, RMSE, MAE, MAPE and R2, and the median of absolute errors; (rows, targets) each.

    The relative error divides by the true value, but by no less than the smallest step of float64, as in scikit-learn.
    """
    errors = values - truth
    sizes, relative = error_sizes(truth, values)

    def means(counts: Counts) -> NDArray[np.float64]:
        total = counts.sum(axis=1)[:, None]
        squares = counts @ errors**2 / total
        rooted = np.sqrt(squares).mean(axis=1)
        found = (squares.mean(axis=1), rooted, *((counts @ one / total).mean(axis=1) for one in (sizes, relative)))
        return np.stack([*found, _determination(counts, truth, squares)], axis=1)

    figures = tuple((metric, "value", "") for metric in ("mse", "rmse", "mae", "mape", "r2"))
    median = Measure((("median_ae", "value", ""),), lambda counts: _median(counts, sizes)[:, None])
    return Measure(figures, means), median


def error_sizes(
    truth: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return absolute and relative errors, (rows, targets) each."""
    sizes = np.abs(values - truth)
    return sizes, sizes / np.maximum(np.abs(truth), np.finfo(np.float64).eps)


def _determination(counts: Counts, truth: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(axis=1)[:, None]
    centre = truth.mean(axis=0)
    mean = counts @ (truth - centre) / total
    spread = counts @ (truth - centre) ** 2 / total - mean**2
    ratios = np.divide(squares, spread, out=np.full(squares.shape, np.nan), where=spread > 0)
    determination: NDArray[np.float64] = (1 - ratios).mean(axis=1)
    return determination


def _median(counts: Counts, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each target's errors, averaged over targets, for counts that are whole numbers."""
    medians = np.zeros(len(counts))
    for column in sizes.T:
        order = np.argsort(column)
        reached = counts[:, order].cumsum(axis=1)
        total = reached[:, -1:]
        lower = (reached >= np.floor((total + 1) / 2)).argmax(axis=1)
        upper = (reached >= np.floor(total / 2) + 1).argmax(axis=1)
        medians += (column[order][lower] + column[order][upper]) / 2
    medians /= sizes.shape[1]
    return medians
