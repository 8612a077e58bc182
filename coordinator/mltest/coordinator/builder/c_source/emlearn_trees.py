"""Trees of scikit-learn as emlearn's C compares them: `x < threshold` in place of `x <= threshold`."""

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT16 = "int16_t"
_INT16_RANGE = (-(1 << 15), (1 << 15) - 1)


def given_trees(estimator: Any, feature_type: str) -> Any:
    """Return a copy of a forest or tree whose thresholds are the next larger values of the features' type.

    For every value of that type, x < next(threshold) is what x <= threshold was: nothing is lost there.
    """
    found = copy.copy(estimator)
    if hasattr(estimator, "estimators_"):
        found.estimators_ = [_given_tree(tree, feature_type) for tree in estimator.estimators_]
        return found
    return _given_tree(estimator, feature_type)


def leaf_comparisons(estimator: Any, leaf_bits: int | None) -> int:
    """Return how often emlearn compares a leaf with another one, to find those that are equal."""
    trees = getattr(estimator, "estimators_", [estimator])
    leaves = np.concatenate([tree.tree_.value[tree.tree_.children_left == -1, 0] for tree in trees])
    if leaf_bits == 0:
        return len(leaves) * int(leaves.shape[1])
    steps = (1 << leaf_bits) - 2 if leaf_bits else 0
    distinct = np.unique(np.round(leaves * steps) if steps else leaves, axis=0)
    return len(leaves) * len(distinct)


def _given_tree(tree: Any, feature_type: str) -> Any:
    found, arrays = copy.copy(tree), tree.tree_
    is_share = hasattr(tree, "classes_")
    found.tree_ = SimpleNamespace(
        node_count=arrays.node_count,
        children_left=arrays.children_left,
        children_right=arrays.children_right,
        feature=arrays.feature,
        threshold=_next_larger(arrays.threshold, feature_type),
        # Shares of classes may be greater than 1 by rounding, which emlearn does not take.
        value=np.clip(arrays.value, 0, 1) if is_share else arrays.value,
    )
    return found


def _next_larger(thresholds: NDArray[np.float64], feature_type: str) -> NDArray[np.float64]:
    if feature_type == INT16:
        whole: NDArray[np.float64] = np.clip(np.floor(thresholds) + 1, *_INT16_RANGE)
        return whole
    rounded = thresholds.astype(np.float32)
    floors = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    larger: NDArray[np.float32] = np.nextafter(floors, np.float32(np.inf))
    return larger.astype(np.float64)
