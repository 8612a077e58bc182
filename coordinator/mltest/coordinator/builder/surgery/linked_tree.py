"""A binary tree as two arrays of children, -1 at leaves, the root at 0: depths, means, and what is left of it. Pure."""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_NO_CHILD = -1


def depths(left: Integers, right: Integers) -> Integers:
    """Return the depth (nodes,) of each node; the root has 0, what is not reached too."""
    found = np.zeros(len(left), dtype=np.int64)
    for depth, parents in enumerate(_levels(left, right)):
        found[left[parents]] = found[right[parents]] = depth + 1
    return found


def averaged(
    left: Integers, right: Integers, values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each node (nodes,) the mean of the leaves below it, by their `weights`; leaves keep their `values`."""
    means, sums = values.copy(), weights.copy()
    for parents in reversed(_levels(left, right)):
        ours, theirs = sums[left[parents]], sums[right[parents]]
        total = ours + theirs
        share = np.divide(ours, total, out=np.full(len(parents), 0.5), where=total > 0)
        means[parents] = share * means[left[parents]] + (1 - share) * means[right[parents]]
        sums[parents] = total
    return means


def reachable(left: Integers, right: Integers, is_cut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which nodes (nodes,) are left if those of `is_cut` are leaves."""
    found = np.zeros(len(left), dtype=np.bool_)
    found[0] = True
    for parents in _levels(left, right):
        is_open = parents[found[parents] & ~is_cut[parents]]
        found[left[is_open]] = found[right[is_open]] = True
    return found


def _levels(left: Integers, right: Integers) -> list[Integers]:
    """Return the nodes that have children, level by level from the root down."""
    found: list[Integers] = []
    current = np.zeros(1, dtype=np.int64)
    while True:
        parents = current[left[current] != _NO_CHILD]
        if not len(parents):
            return found
        found.append(parents)
        current = np.concatenate([left[parents], right[parents]])
