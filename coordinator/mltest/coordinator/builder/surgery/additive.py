"""New values for the leaves of an additive ensemble (boosting), all fitted together under its own loss. Pure.

Accelerated gradient steps on the mean loss with a pull back to the old values, as strong as one row a leaf for each
unit of pull; how strong it has to be is tried out inside the given rows.

Source: Ren, Cao, Wei and Sun 2015, Global refinement of random forest; Nesterov 1983.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_STEPS = 100
_PULLS = (1.0, 10.0, 100.0, 1000.0)
_EVERY_SECOND = (slice(0, None, 2), slice(1, None, 2))


class Loss(Enum):
    """What training of the ensemble made small; its value is a bound of the second derivative."""

    SQUARED = 1.0
    """Of values."""
    LOGISTIC = 0.25
    """Of two classes, with one column of log-odds."""
    SOFTMAX = 0.5
    """Of several classes, with a column for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Additive:
    """An ensemble as sums of leaves, on some rows."""

    of_rows: NDArray[np.int64]
    """(rows, trees): number of the leaf that a row falls into; leaves are numbered through all trees."""
    values: Numbers
    """(leaves,)"""
    columns: NDArray[np.int64]
    """(trees,): to which column a tree adds."""
    base: Numbers
    """(rows, columns): what is there without any tree."""
    scale: float = 1.0
    """What each value is multiplied by when it is added."""
    loss: Loss

    def at(self, rows: slice) -> "Additive":
        """Return the same ensemble on some of the rows."""
        return replace(self, of_rows=self.of_rows[rows], base=self.base[rows])


def refitted(given: Additive, target: Numbers, *, pull: float | None = None) -> Numbers:
    """Return values (leaves,) whose loss on the rows is no larger than that of the old ones.

    Args:
        given: the ensemble.
        target: (rows, columns), shares of classes or values; of the second class where there is one column of log-odds.
        pull: back to the old values; None means the one of 1, 10, 100 and 1000 that does best on every second row if
            only the others were given.

    """
    return _fitted(given, target, pull=_best_pull(given, target) if pull is None else pull)


def loss_of(margins: Numbers, target: Numbers, loss: Loss) -> float:
    """Return the loss of all rows together; `margins` and `target` are (rows, columns)."""
    if loss is Loss.SQUARED:
        return float(np.square(margins - target).sum() / 2)
    if loss is Loss.LOGISTIC:
        return float((np.logaddexp(0, margins) - target * margins).sum())
    largest = margins.max(axis=1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.exp(margins - largest).sum(axis=1))
    return float((log_sum * target.sum(axis=1)).sum() - (target * margins).sum())


def _gradient(margins: Numbers, target: Numbers, loss: Loss) -> Numbers:
    if loss is Loss.SQUARED:
        return margins - target
    if loss is Loss.LOGISTIC:
        shares: Numbers = np.exp(-np.logaddexp(0, -margins)) - target
        return shares
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    softmax: Numbers = powers / powers.sum(axis=1, keepdims=True) - target
    return softmax


def _best_pull(given: Additive, target: Numbers) -> float:
    def error(pull: float) -> float:
        total = 0.0
        for own, other in (_EVERY_SECOND, _EVERY_SECOND[::-1]):
            values = _fitted(given.at(own), target[own], pull=pull)
            judged = given.at(other)
            total += loss_of(_margins(judged, values), target[other], given.loss)
        return total

    return min(_PULLS, key=error)


def _margins(given: Additive, values: Numbers) -> Numbers:
    margins = given.base.copy()
    for tree, column in enumerate(given.columns):
        margins[:, column] += given.scale * values[given.of_rows[:, tree]]
    return margins


def _fitted(given: Additive, target: Numbers, *, pull: float) -> Numbers:
    reached, of_rows = np.unique(given.of_rows, return_inverse=True)
    matrix = _sums_of_leaves(given, of_rows.reshape(given.of_rows.shape), len(reached))
    start, shape, bound = given.values[reached], given.base.shape, given.loss.value
    trees_per_column = given.of_rows.shape[1] / shape[1]
    weight: float = pull * bound * trees_per_column * given.scale**2
    step = 1 / (bound * _largest_eigenvalue(matrix) + weight)

    def margins(values: Numbers) -> Numbers:
        found: Numbers = given.base + (matrix @ values).reshape(shape)
        return found

    def whole(values: Numbers) -> float:
        pulled = float(np.square(values - start).sum())
        return loss_of(margins(values), target, given.loss) + weight * pulled / 2

    values, ahead, momentum = start, start, 1.0
    for _ in range(_STEPS):
        slope = matrix.T @ _gradient(margins(ahead), target, given.loss).ravel() + weight * (ahead - start)
        following = ahead - step * slope
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / next_momentum * (following - values)
        values, momentum = following, next_momentum
    fitted = given.values.copy()
    fitted[reached] = values if whole(values) < whole(start) else start
    return fitted


def _sums_of_leaves(given: Additive, of_rows: NDArray[np.int64], leaf_count: int) -> Any:
    """Return the sparse matrix (rows x columns, leaves) that adds the trees of each column up."""
    from scipy.sparse import coo_array  # type: ignore[import-untyped]  # it has no stubs

    row_count, tree_count = of_rows.shape
    column_count = given.base.shape[1]
    lines = (np.arange(row_count)[:, None] * column_count + given.columns[None, :]).ravel()
    entries = np.full(row_count * tree_count, given.scale)
    shape = (row_count * column_count, leaf_count)
    return coo_array((entries, (lines, of_rows.ravel())), shape=shape).tocsr()


def _largest_eigenvalue(matrix: Any) -> float:
    """Return a bound of the largest eigenvalue of M'M: the largest of its row sums, which are all positive."""
    return float((matrix.T @ (matrix @ np.ones(matrix.shape[1]))).max())
