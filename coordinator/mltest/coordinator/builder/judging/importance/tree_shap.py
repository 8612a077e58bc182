"""Shapley values of tree ensembles, exactly.

The game is that of path-dependent TreeSHAP: of an unknown feature both branches of a comparison count, each by
the share of background rows that went there. In a leaf with the value v, whose way there compares d different features,
feature j gets v * (o_j - z_j) times the sum over subsets of the others, which is an integral over a polynomial:
the product of (1 - t) * z_k + t * o_k over the other features, t from 0 to 1. o says whether the row takes the way as
far as the feature decides, z which share of the background does. Gauss and Legendre's rule with ceil(d / 2) points is
exact for it.

Sources: Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees"; Owen
1972, "Multilinear extensions of games", for the integral.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Tree

_MOST_VALUES = 2_000_000
"""Held at once: 16 MB in each of a few arrays."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each feature adds to each raw sum."""

    values: NDArray[np.float64]
    """(rows, features, sums)."""
    base: NDArray[np.float64]
    """(sums,): what is said when no feature is known."""


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways to some leaves of one tree; ways with fewer features are filled up with one that decides nothing."""

    features: NDArray[np.int64]
    """(leaves, steps); the number of features for what is filled up."""
    shares: NDArray[np.float64]
    """(leaves, steps): z."""
    taken: NDArray[np.bool_]
    """(leaves, steps, rows): o."""
    values: NDArray[np.float64]
    """(leaves, sums)."""


def tree_contributions(
    ensemble: Ensemble, rows: NDArray[np.floating], background: NDArray[np.floating]
) -> Contributions:
    """Return what each feature adds to the sums of each row, behind the divisor and before the link.

    Args:
        ensemble: as `read_ensemble` returns it.
        rows: (rows, features); missing values go where the trees send them.
        background: (rows, features), at least one row: by it the shares of branches are counted.

    """
    values = np.zeros((len(rows), (ensemble.feature_count + 1) * ensemble.sum_count))
    base = np.asarray(ensemble.base_scores, dtype=np.float64).copy()
    own, others = _rounded(ensemble, rows), _rounded(ensemble, background)
    for tree in ensemble.trees:
        shares = _branch_shares(tree, others)
        for ways in _ways(tree, _goes_left(tree, own), shares, ensemble):
            base += ways.shares.prod(axis=1) @ ways.values
            values += _added(ways, ensemble.feature_count + 1)
    shaped = values.reshape(len(rows), ensemble.feature_count + 1, ensemble.sum_count)
    return Contributions(shaped[:, :-1] / ensemble.divisor, base / ensemble.divisor)


def _rounded(ensemble: Ensemble, rows: NDArray[np.floating]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return rows.astype(ensemble.input_type).astype(np.float64)


def _goes_left(tree: Tree, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (nodes, rows); of leaves it means nothing."""
    features = np.asarray(tree.features)
    values = rows[:, np.where(features == LEAF, 0, features)].T
    left: NDArray[np.bool_] = values <= np.asarray(tree.thresholds)[:, None]
    return np.where(np.isnan(values), np.asarray(tree.misses_left)[:, None], left)


def _branch_shares(tree: Tree, background: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of a node's rows goes left (nodes,); half of those of a node that no row reaches."""
    left = _goes_left(tree, background)
    reached = np.zeros(left.shape, dtype=np.bool_)
    reached[0] = True
    shares = np.full(tree.node_count, 0.5)
    for node, low, high in tree.inner():
        reached[low], reached[high] = reached[node] & left[node], reached[node] & ~left[node]
        count = reached[node].sum()
        if count:
            shares[node] = reached[low].sum() / count
    return shares


def _ways(tree: Tree, left: NDArray[np.bool_], shares: NDArray[np.float64], ensemble: Ensemble) -> Iterator[_Ways]:
    """Yield the ways to the leaves, some at a time."""
    parents: dict[int, tuple[int, bool]] = {}
    for node, low, high in tree.inner():
        parents[low], parents[high] = (node, True), (node, False)
    leaves = [node for node, feature in enumerate(tree.features) if feature == LEAF]
    depth = max(tree.depth(), 1)
    size = max(1, _MOST_VALUES // (depth * max(left.shape[1], 1)))
    for start in range(0, len(leaves), size):
        chunk = leaves[start : start + size]
        features = np.full((len(chunk), depth), ensemble.feature_count)
        of_steps = np.ones((len(chunk), depth))
        taken = np.ones((len(chunk), depth, left.shape[1]), dtype=np.bool_)
        for place, leaf in enumerate(chunk):
            _follow(tree, leaf, parents, left, shares, features[place], of_steps[place], taken[place])
        used = max(int((features < ensemble.feature_count).sum(axis=1).max()), 1)
        yield _Ways(features[:, :used], of_steps[:, :used], taken[:, :used], _leaf_values(tree, chunk, ensemble))


def _follow(
    tree: Tree,
    leaf: int,
    parents: dict[int, tuple[int, bool]],
    left: NDArray[np.bool_],
    shares: NDArray[np.float64],
    features: NDArray[np.int64],
    of_steps: NDArray[np.float64],
    taken: NDArray[np.bool_],
) -> None:
    """Fill in the way to one leaf; comparisons of one feature become one step."""
    places: dict[int, int] = {}
    node = leaf
    while node in parents:
        node, is_left = parents[node]
        place = places.setdefault(tree.features[node], len(places))
        features[place] = tree.features[node]
        of_steps[place] *= shares[node] if is_left else 1 - shares[node]
        taken[place] &= left[node] if is_left else ~left[node]


def _leaf_values(tree: Tree, leaves: list[int], ensemble: Ensemble) -> NDArray[np.float64]:
    given = np.array([tree.values[leaf] for leaf in leaves], dtype=np.float64)
    if tree.output < 0:
        return given
    values = np.zeros((len(leaves), ensemble.sum_count))
    values[:, tree.output] = given[:, 0]
    return values


def _added(ways: _Ways, feature_count: int) -> NDArray[np.float64]:
    """Return what these leaves add: (rows, features * sums), one feature more than there are."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # it has no types

    weights = _weights(ways)
    leaves, steps, rows = weights.shape
    sum_count = ways.values.shape[1]
    columns = ways.features.reshape(-1, 1) * sum_count + np.arange(sum_count)
    starts = np.arange(leaves * steps + 1) * sum_count
    spread = np.repeat(ways.values, steps, axis=0).ravel()
    matrix = csr_matrix((spread, columns.ravel(), starts), shape=(leaves * steps, feature_count * sum_count))
    added: NDArray[np.float64] = (matrix.T @ weights.reshape(leaves * steps, rows)).T
    return added


def _weights(ways: _Ways) -> NDArray[np.float64]:
    """Return the share of each leaf's value that each step gets: (leaves, steps, rows)."""
    steps = ways.features.shape[1]
    points, of_points = np.polynomial.legendre.leggauss((steps + 1) // 2)
    shares = ways.shares[:, :, None]
    total = np.zeros(ways.taken.shape)
    for point, weight in zip((points + 1) / 2, of_points / 2, strict=True):
        total += weight * _product_of_others((1 - point) * shares + point * ways.taken)
    return (ways.taken - shares) * total


def _product_of_others(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each step the product of all others; a factor may be 0, so that nothing is divided."""
    before, behind = np.ones_like(factors), np.ones_like(factors)
    np.cumprod(factors[:, :-1], axis=1, out=before[:, 1:])
    behind[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
    return before * behind
