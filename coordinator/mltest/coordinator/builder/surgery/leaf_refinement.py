"""New values for the leaves of an averaging ensemble of trees, all of them fitted together; no split changes.

Least squares with a pull back to the old values, as strong as one row a leaf for each unit of pull; how strong it has
to be is tried out inside the given rows. Class probabilities stay probabilities: the values of a leaf are kept on the
simplex by projected gradient steps.

Source: Ren, Cao, Wei and Sun 2015, Global refinement of random forest; Buschjäger and Morik 2023, leaf refinement.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.ensembles import (
    averaged_trees,
    member_features,
    refusal,
    rows_before_final,
    with_final,
)
from mltest.coordinator.builder.surgery.selection import Selection
from mltest.coordinator.builder.surgery.tree_arrays import with_leaves
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "leaf refinement"
_TAKES = "trees, random forests, extra trees and bagged trees of scikit-learn"
_STEPS = 50
_PULLS = (1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaves:
    """Which leaf of each tree each row falls into; leaves are numbered through all trees."""

    of_rows: NDArray[np.int64]
    """(rows, trees)"""
    values: NDArray[np.float64]
    """(leaves, outputs)"""
    positions: tuple[NDArray[np.int64], ...]
    """For each tree the nodes that are leaves, in the order of their numbers."""


def refined(estimator: Estimator, selection: Selection, *, pull: float | None = None) -> Estimator:
    """Return a copy of `estimator` whose leaves are fitted to `selection`; its squared error there never grows.

    Without `pull`, the one of 1, 10 and 100 that does best on every second row if only the others were given.

    Raises:
        ConversionError: it is no mean of decision trees, or one of them does not know every class.

    """
    final = final_estimator(estimator)
    if not averaged_trees(final):
        raise refusal(NAME, final, _TAKES)
    rows = rows_before_final(estimator, selection.rows)
    leaves = _leaves(final, rows, selection.target.shape[1])
    are_shares = hasattr(final, "classes_")
    strength = _best_pull(leaves, selection.target, are_shares=are_shares) if pull is None else pull
    values = _fitted(leaves, selection.target, pull=strength, are_shares=are_shares)
    return with_final(estimator, lambda copied: _set(copied, leaves, values))


def _leaves(final: Estimator, rows: NDArray[np.floating], output_count: int) -> _Leaves:
    of_rows, values, positions, first = [], [], [], 0
    for tree, features in zip(averaged_trees(final), member_features(final), strict=True):
        at = np.flatnonzero(tree.tree_.children_left < 0)
        own = tree.tree_.value[at].reshape(len(at), -1)
        if own.shape[1] != output_count:
            raise ConversionError(converter=NAME, detail="one of its trees has not seen rows of every class")
        of_rows.append(first + np.searchsorted(at, tree.apply(rows[:, features])))
        values.append(own)
        positions.append(at)
        first += len(at)
    return _Leaves(of_rows=np.stack(of_rows, axis=1), values=np.concatenate(values), positions=tuple(positions))


def _best_pull(leaves: _Leaves, target: NDArray[np.float64], *, are_shares: bool) -> float:
    halves = [slice(0, None, 2), slice(1, None, 2)]

    def error(pull: float) -> float:
        total = 0.0
        for given, judged in (halves, halves[::-1]):
            half = replace(leaves, of_rows=leaves.of_rows[given])
            fitted = _fitted(half, target[given], pull=pull, are_shares=are_shares)
            total += float(np.square(fitted[leaves.of_rows[judged]].mean(axis=1) - target[judged]).sum())
        return total

    return min(_PULLS, key=error)


def _fitted(leaves: _Leaves, target: NDArray[np.float64], *, pull: float, are_shares: bool) -> NDArray[np.float64]:
    """Return values (leaves, outputs) of less squared error: accelerated projected gradient, kept if it got better."""
    reached, of_rows = np.unique(leaves.of_rows, return_inverse=True)
    matrix = _mean_of_leaves(of_rows.reshape(leaves.of_rows.shape), len(reached))
    start, weight = leaves.values[reached], pull / leaves.of_rows.shape[1]
    step = 1 / (_largest_eigenvalue(matrix) + weight)

    def loss(values: NDArray[np.float64]) -> float:
        return float(np.square(matrix @ values - target).sum() + weight * np.square(values - start).sum())

    values, ahead, momentum = start, start, 1.0
    for _ in range(_STEPS):
        gradient = matrix.T @ (matrix @ ahead - target) + weight * (ahead - start)
        moved = ahead - step * gradient
        following = _onto_simplex(moved) if are_shares else moved
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / next_momentum * (following - values)
        values, momentum = following, next_momentum
    fitted = leaves.values.copy()
    fitted[reached] = values if loss(values) < loss(start) else start
    return fitted


def _mean_of_leaves(of_rows: NDArray[np.int64], leaf_count: int) -> Any:
    """Return the sparse matrix (rows, leaves) that gives the mean over trees."""
    from scipy.sparse import csr_array  # type: ignore[import-untyped]  # it has no stubs

    row_count, tree_count = of_rows.shape
    entries = np.full(row_count * tree_count, 1 / tree_count)
    begins = np.arange(0, row_count * tree_count + 1, tree_count)
    return csr_array((entries, of_rows.ravel(), begins), shape=(row_count, leaf_count))


def _largest_eigenvalue(matrix: Any) -> float:
    """Return a bound of the largest eigenvalue of M'M: the largest of its row sums, which are all positive."""
    return float((matrix.T @ (matrix @ np.ones(matrix.shape[1]))).max())


def _onto_simplex(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest shares (rows of at least 0 that sum to 1).

    Source: Duchi, Shalev-Shwartz, Singer and Chandra 2008, figure 1.
    """
    ordered = -np.sort(-values, axis=1)
    excess = np.cumsum(ordered, axis=1) - 1
    counts = np.arange(1, values.shape[1] + 1)
    last = (ordered - excess / counts > 0).sum(axis=1) - 1
    shift = excess[np.arange(len(values)), last] / (last + 1)
    shares: NDArray[np.float64] = np.maximum(values - shift[:, None], 0)
    return shares


def _set(final: Estimator, leaves: _Leaves, values: NDArray[np.float64]) -> None:
    first = 0
    for tree, at in zip(averaged_trees(final), leaves.positions, strict=True):
        own = np.array(tree.tree_.value)
        own[at] = values[first : first + len(at)].reshape(len(at), *own.shape[1:])
        tree.tree_ = with_leaves(tree.tree_, tree.tree_.children_left < 0, own)
        first += len(at)
