"""How far a row is from another answer of a tree ensemble: exactly for one tree, a sound lower bound for several.

Within a radius a tree can only answer with leaves whose every comparison can be met. The sum over trees of the worst of
them bounds the margin between two classes from below; where it stays above 0, no change within the radius changes the
label. In one tree that is exact. Source: Chen et al. 2019, "Robustness verification of tree-based models", with cliques
of one tree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Tree
from mltest.coordinator.builder.judging.ensembles.margin_trees import is_binary

_SLACK = 1e-6
"""Of a margin, as a share of the largest sum that leaves can make: libraries add in float32."""
_CHUNK = 100
"""Rows that are followed through the trees at once."""
_STEP = 2.0**-23
"""Of a threshold and a value, relative: X is rounded to float32."""


@dataclass(frozen=True, slots=True)
class _Leaves:
    """The leaves of all trees, one tree after the other."""

    distances: NDArray[np.float64]
    """(leaves, rows): the smallest change that makes a row reach the leaf, in shares of ranges."""
    reached: NDArray[np.bool_]
    """(leaves, rows): whether it does as it is."""
    values: NDArray[np.float64]
    """(leaves, sums)."""
    starts: NDArray[np.int64]
    """(trees,): where each tree begins."""


def certified_radii(ensemble: Ensemble, rows: NDArray[np.floating], ranges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each row (rows,) a radius within which no change changes the label; infinity if none can.

    Args:
        ensemble: of a classifier.
        rows: (rows, columns); a missing value stays missing.
        ranges: (columns,), in which changes are measured; a column of range 0 is not changed.

    """
    leaves = _leaves(ensemble, rows, ranges)
    return np.array([_radius(ensemble, leaves, row) for row in range(len(rows))])


def ensemble_labels(ensemble: Ensemble, rows: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the label that the trees give each row (rows,), as positions of classes."""
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    sums = np.concatenate([_chunk_sums(ensemble, chunk) for chunk in chunks])
    labels: NDArray[np.int64] = (sums[:, 0] > 0).astype(np.int64) if is_binary(ensemble) else sums.argmax(axis=1)
    return labels


def _chunk_sums(ensemble: Ensemble, rows: NDArray[np.floating]) -> NDArray[np.float64]:
    leaves = _leaves(ensemble, rows, np.zeros(rows.shape[1]))
    return np.stack([_sums(ensemble, leaves, row) for row in range(len(rows))])


def _leaves(ensemble: Ensemble, rows: NDArray[np.floating], ranges: NDArray[np.float64]) -> _Leaves:
    with np.errstate(over="ignore"):
        rounded = rows.astype(ensemble.input_type).astype(np.float64)
    distances, reached, values, starts = [], [], [], []
    count = 0
    for tree in ensemble.trees:
        of_nodes, is_reached = _walked(tree, rounded, ranges)
        numbers = np.flatnonzero(np.asarray(tree.features) == LEAF)
        starts.append(count)
        count += len(numbers)
        distances.append(of_nodes[numbers])
        reached.append(is_reached[numbers])
        values.append(_values(tree, numbers, ensemble.sum_count))
    return _Leaves(np.concatenate(distances), np.concatenate(reached), np.concatenate(values), np.array(starts))


def _values(tree: Tree, numbers: NDArray[np.int64], sum_count: int) -> NDArray[np.float64]:
    given = np.array([tree.values[number] for number in numbers.tolist()], dtype=np.float64)
    if tree.output < 0:
        return given
    values = np.zeros((len(numbers), sum_count))
    values[:, tree.output] = given[:, 0]
    return values


def _walked(
    tree: Tree, rows: NDArray[np.float64], ranges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the smallest change that makes each row reach each node, and whether it does as it is: (nodes, rows)."""
    distances = np.zeros((tree.node_count, len(rows)))
    reached = np.ones((tree.node_count, len(rows)), dtype=np.bool_)
    for node, left, right in tree.inner():
        goes_left, cost = _comparison(tree, node, rows, ranges)
        distances[left] = np.maximum(distances[node], np.where(goes_left, 0.0, cost))
        distances[right] = np.maximum(distances[node], np.where(goes_left, cost, 0.0))
        reached[left], reached[right] = reached[node] & goes_left, reached[node] & ~goes_left
    return distances, reached


def _comparison(
    tree: Tree, node: int, rows: NDArray[np.float64], ranges: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return whether each row (rows,) goes left at a node, and what it costs to go the other way."""
    feature, threshold = tree.features[node], tree.thresholds[node]
    values, span = rows[:, feature], ranges[feature]
    slack = (abs(threshold) + np.abs(values)) * _STEP
    gap = np.maximum(0.0, np.abs(values - threshold) - slack)
    cost = gap / span if span > 0 else np.full(len(values), np.inf)
    is_missing = np.isnan(values)
    goes_left = np.where(is_missing, tree.misses_left[node], values <= threshold)
    return goes_left, np.where(is_missing, np.inf, cost)


def _sums(ensemble: Ensemble, leaves: _Leaves, row: int) -> NDArray[np.float64]:
    own = leaves.reached[:, row]
    sums: NDArray[np.float64] = leaves.values[own].sum(axis=0) + np.asarray(ensemble.base_scores)
    return sums


def _radius(ensemble: Ensemble, leaves: _Leaves, row: int) -> float:
    """Return the smallest distance at which the worst leaves can change the label, found by bisection."""
    differences, base, wins_ties = _margins(ensemble, leaves, row)
    distances = leaves.distances[:, row]
    steps = np.unique(distances[np.isfinite(distances)])
    slack = _SLACK * float(np.maximum.reduceat(np.abs(differences), leaves.starts, axis=0).sum(axis=0).max())

    def may_change(radius: float) -> bool:
        reachable = np.where((distances <= radius)[:, None], differences, np.inf)
        lowest = np.minimum.reduceat(reachable, leaves.starts, axis=0).sum(axis=0) + base
        if len(leaves.starts) == 1:
            return bool(np.where(wins_ties, lowest < 0, lowest <= 0).any())
        return bool((lowest <= slack).any())

    if not may_change(steps[-1]):
        return float("inf")
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if may_change(steps[middle]) else (middle + 1, high)
    return float(steps[low])


def _margins(
    ensemble: Ensemble, leaves: _Leaves, row: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return how much more each leaf (leaves, others) speaks for the row's label than for each other one.

    And the same of what the sums begin with, and whether the label is chosen where both are equal.
    """
    base, sums = np.asarray(ensemble.base_scores), _sums(ensemble, leaves, row)
    if is_binary(ensemble):
        sign = 1.0 if sums[0] > 0 else -1.0
        return sign * leaves.values[:, :1], sign * base[:1], np.array([sign < 0])
    label = int(sums.argmax())
    others = np.array([position for position in range(len(sums)) if position != label])
    differences = leaves.values[:, [label]] - leaves.values[:, others]
    return differences, base[label] - base[others], label < others
