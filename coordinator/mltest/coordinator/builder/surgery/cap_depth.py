"""Trees of a limited depth: every node there becomes a leaf that answers what the rows below it had on average."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.coordinator.builder.surgery.ensembles import (
    averaged_trees,
    fitted_trees,
    is_gradient_boosting,
    is_histogram_boosting,
    refusal,
    with_final,
)
from mltest.coordinator.builder.surgery.tree_arrays import averaged_values, node_depths, with_leaves
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "cap-depth"
TAKES = "trees, random forests, extra trees, bagged trees, gradient and histogram boosting of scikit-learn"


def cap_depth(estimator: Estimator, depth: str) -> Estimator:
    """Return a copy of `estimator` in which no tree is deeper than `depth` ("8", or "1/2" of the deepest one).

    Raises:
        ConversionError: it is not made of trees that can be cut, or none of them is deeper than that.

    """
    final = final_estimator(estimator)
    deepest = deepest_of(final)
    limit = amount_of(depth, deepest)
    if limit >= deepest:
        detail = f"the deepest tree has a depth of {deepest}, and {limit} is allowed"
        raise ConversionError(converter=NAME, detail=detail)
    return with_depth(estimator, limit)


def with_depth(estimator: Estimator, limit: int) -> Estimator:
    """Return a copy of `estimator` in which no tree is deeper than `limit`; trees that are not stay as they are."""
    return with_final(estimator, lambda copied: _cap(copied, limit))


def deepest_of(final: Estimator) -> int:
    """Return the depth of the deepest tree of `final`; ConversionError if it is not made of trees."""
    if is_histogram_boosting(final):
        return max(int(tree.get_max_depth()) for stage in final._predictors for tree in stage)
    trees = fitted_trees(final)
    if not trees:
        raise refusal(NAME, final, TAKES)
    return max(int(tree.get_depth()) for tree in trees)


def _cap(final: Estimator, limit: int) -> None:
    if is_histogram_boosting(final):
        for tree in (tree for stage in final._predictors for tree in stage):
            tree.nodes = _capped_nodes(tree.nodes, limit)
    elif is_gradient_boosting(final):
        for tree in final.estimators_.ravel():
            tree.tree_ = with_leaves(tree.tree_, node_depths(tree.tree_) >= limit, averaged_values(tree.tree_))
    else:
        for tree in averaged_trees(final):
            tree.tree_ = with_leaves(tree.tree_, node_depths(tree.tree_) >= limit)


def _capped_nodes(nodes: NDArray[Any], limit: int) -> NDArray[Any]:
    """Return the nodes of a tree of histogram boosting without those below `limit`."""
    values = nodes["value"].copy()
    for node in range(len(nodes) - 1, -1, -1):
        # A child stands behind its parent.
        if not nodes["is_leaf"][node]:
            below = [int(nodes["left"][node]), int(nodes["right"][node])]
            values[node] = np.average(values[below], weights=nodes["count"][below])
    kept = np.flatnonzero(nodes["depth"] <= limit)
    smaller, position = nodes[kept], np.zeros(len(nodes), dtype=nodes["left"].dtype)
    position[kept] = np.arange(len(kept))
    smaller["left"], smaller["right"] = position[smaller["left"]], position[smaller["right"]]
    cut = (smaller["depth"] == limit) & (smaller["is_leaf"] == 0)
    smaller["value"][cut] = values[kept][cut]
    smaller["is_leaf"][cut] = 1
    for field in ("left", "right", "feature_idx", "num_threshold", "missing_go_to_left", "is_categorical"):
        smaller[field][cut] = 0
    return smaller
