"""Minimal cost-complexity pruning of trees that are fitted already, with one price of a leaf for the whole ensemble.

Source: Breiman, Friedman, Olshen and Stone 1984, chapter 3; as scikit-learn does it while it fits (`ccp_alpha`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.coordinator.builder.surgery.ensembles import fitted_trees, is_gradient_boosting, refusal, with_final
from mltest.coordinator.builder.surgery.tree_arrays import Tree, averaged_values, levels, with_leaves
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "prune-cost-complexity"
TAKES = "trees, random forests, extra trees, bagged trees and gradient boosting of scikit-learn"
_HALVINGS = 60


def prune_cost_complexity(estimator: Estimator, leaves: str) -> Estimator:
    """Return a copy of `estimator` with at most `leaves` leaves in all its trees ("500", or "1/2" of them).

    The price of a leaf is the least that leaves no more of them; it looks at no validation rows.

    Raises:
        ConversionError: it is not made of trees that keep their impurities, or has no more leaves than that.

    """
    final = final_estimator(estimator)
    trees = [tree.tree_ for tree in _trees(final)]
    total = sum(int(tree.n_leaves) for tree in trees)
    count = amount_of(leaves, total)
    if count >= total:
        raise ConversionError(converter=NAME, detail=f"the model has {total} leaves, and {count} are allowed")
    if count < len(trees):
        detail = f"each of its {len(trees)} trees needs a leaf, and {count} are allowed"
        raise ConversionError(converter=NAME, detail=detail)
    return with_price(estimator, _price(trees, count))


def with_price(estimator: Estimator, alpha: float) -> Estimator:
    """Return a copy of `estimator` whose trees are pruned with `alpha`, the price of a leaf (`ccp_alpha`)."""
    return with_final(estimator, lambda copied: _prune(copied, alpha))


def _trees(final: Estimator) -> Sequence[Estimator]:
    trees = fitted_trees(final)
    if not trees:
        raise refusal(NAME, final, TAKES)
    return trees


def _prune(final: Estimator, alpha: float) -> None:
    for tree in _trees(final):
        values = averaged_values(tree.tree_) if is_gradient_boosting(final) else None
        tree.tree_ = with_leaves(tree.tree_, _collapsed(tree.tree_, alpha)[0], values)


def _price(trees: Sequence[Tree], count: int) -> float:
    """Return the least price, to the last bit that matters, at which `trees` keep at most `count` leaves."""
    low, high = 0.0, max(float(_risks(tree)[0]) for tree in trees) + np.finfo(float).eps
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum(_collapsed(tree, middle)[1] for tree in trees) <= count:
            high = middle
        else:
            low = middle
    return high


def _collapsed(tree: Tree, alpha: float) -> tuple[NDArray[np.bool_], int]:
    """Return which nodes (nodes,) are better off as leaves, and how many leaves the tree then has."""
    alone = _risks(tree) + alpha
    cost, is_leaf = alone.copy(), np.zeros(tree.node_count, dtype=np.bool_)
    counts = np.ones(tree.node_count, dtype=np.int64)
    for parents in reversed(levels(tree)):
        left, right = tree.children_left[parents], tree.children_right[parents]
        below = cost[left] + cost[right]
        is_leaf[parents] = alone[parents] <= below
        cost[parents] = np.minimum(alone[parents], below)
        counts[parents] = np.where(is_leaf[parents], 1, counts[left] + counts[right])
    return is_leaf, int(counts[0])


def _risks(tree: Tree) -> NDArray[np.float64]:
    """Return for each node its impurity, by its share of the training rows."""
    weights = tree.weighted_n_node_samples
    risks: NDArray[np.float64] = tree.impurity * weights / weights[0]
    return risks
