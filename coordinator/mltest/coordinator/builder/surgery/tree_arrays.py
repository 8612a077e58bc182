"""A fitted tree of scikit-learn as arrays, and a smaller one made of them. Nothing is trained.

`Tree` means `sklearn.tree._tree.Tree`. Its arrays are read and written by the state that it is pickled with, which is
how every model file brings it as well.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Tree = Any
"""scikit-learn publishes no types."""

_NO_CHILD = -1
_NO_FEATURE = -2
"""TREE_LEAF and TREE_UNDEFINED of sklearn/tree/_tree.pyx."""


def node_depths(tree: Tree) -> NDArray[np.int64]:
    """Return the depth of each node (nodes,); the root has 0."""
    depths = np.zeros(tree.node_count, dtype=np.int64)
    for parents in levels(tree):
        depths[tree.children_left[parents]] = depths[parents] + 1
        depths[tree.children_right[parents]] = depths[parents] + 1
    return depths


def levels(tree: Tree) -> list[NDArray[np.int64]]:
    """Return the nodes that have children, level by level from the root down."""
    found: list[NDArray[np.int64]] = []
    current = np.zeros(1, dtype=np.int64)
    while True:
        parents = current[tree.children_left[current] != _NO_CHILD]
        if not len(parents):
            return found
        found.append(parents)
        current = np.concatenate([tree.children_left[parents], tree.children_right[parents]])


def averaged_values(tree: Tree) -> NDArray[np.float64]:
    """Return the value of each node (nodes, outputs, classes) as the mean of the leaves below it, by their weight.

    Boosting sets the values of leaves after a tree has grown, so that those further up are on another scale.
    """
    values, weights = np.array(tree.value), tree.weighted_n_node_samples
    for parents in reversed(levels(tree)):
        left, right = tree.children_left[parents], tree.children_right[parents]
        share = (weights[left] / (weights[left] + weights[right]))[:, None, None]
        values[parents] = share * values[left] + (1 - share) * values[right]
    return values


def with_leaves(tree: Tree, is_leaf: NDArray[np.bool_], values: NDArray[np.float64] | None = None) -> Tree:
    """Return a copy of `tree` in which the nodes of `is_leaf` (nodes,) are leaves, and all below them are gone.

    `values` (nodes, outputs, classes) replace those of the nodes.
    """
    kept = np.flatnonzero(_reached(tree, is_leaf))
    cut = is_leaf[kept] | (tree.children_left[kept] == _NO_CHILD)
    state = tree.__getstate__()
    # Zeros between the fields as well: they are written to files.
    nodes, position = np.zeros(len(kept), state["nodes"].dtype), np.full(tree.node_count, _NO_CHILD)
    for field in state["nodes"].dtype.names:
        nodes[field] = state["nodes"][field][kept]
    position[kept] = np.arange(len(kept))
    for field in ("left_child", "right_child"):
        nodes[field] = np.where(cut, _NO_CHILD, position[nodes[field]])
    nodes["feature"][cut], nodes["threshold"][cut], nodes["missing_go_to_left"][cut] = _NO_FEATURE, _NO_FEATURE, 0
    chosen = state["values"] if values is None else values
    state |= {"nodes": nodes, "values": np.ascontiguousarray(chosen[kept]), "node_count": len(kept)}
    state["max_depth"] = int(node_depths(tree)[kept].max())
    kind, arguments = tree.__reduce__()[:2]
    smaller = kind(*arguments)
    smaller.__setstate__(state)
    return smaller


def _reached(tree: Tree, is_leaf: NDArray[np.bool_]) -> NDArray[np.bool_]:
    reached = np.zeros(tree.node_count, dtype=np.bool_)
    reached[0] = True
    for parents in levels(tree):
        is_open = parents[reached[parents] & ~is_leaf[parents]]
        reached[tree.children_left[is_open]] = True
        reached[tree.children_right[is_open]] = True
    return reached
