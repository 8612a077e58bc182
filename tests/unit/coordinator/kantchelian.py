"""The smallest change that changes the label of a tree ensemble, as an optimum of integer programming.

Source: Kantchelian, Tygar and Joseph 2016, "Evasion and hardening of tree ensemble classifiers". It reads the trees
of scikit-learn, and shares no line with what it is the oracle of.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]  # it has no types


def optimum(
    trees: list[Any],
    leaf_margins: list[NDArray[np.float64]],
    base: float,
    row: NDArray[np.float64],
    least: float = 1e-7,
) -> float:
    """Return the smallest L-infinity distance at which the sum of margins is at least `least`.

    Args:
        trees: fitted `tree_` of scikit-learn.
        leaf_margins: (nodes,) of each tree, what a leaf speaks for the other label more than for the row's.
        base: margin without any tree.
        row: (columns,) float32 numbers.
        least: a little below 0 where the other label wins ties.

    """
    splits = sorted(
        {(int(f), float(t)) for one in trees for f, t in zip(one.feature, one.threshold, strict=True) if f >= 0}
    )
    predicates = {split: number for number, split in enumerate(splits)}
    leaves = [(one, node) for one, tree in enumerate(trees) for node in np.flatnonzero(tree.feature < 0).tolist()]
    width = len(splits) + len(leaves) + 1
    constraints: list[tuple[NDArray[np.float64], float, float]] = []

    def demand(terms: dict[int, float], low: float, high: float) -> None:
        line = np.zeros(width)
        for place, factor in terms.items():
            line[place] += factor
        constraints.append((line, low, high))

    # A predicate is 1 where x <= threshold; within a feature they are ordered.
    for (feature, _), (other, _), number in zip(splits, splits[1:], range(len(splits)), strict=False):
        if feature == other:
            demand({number: 1.0, number + 1: -1.0}, -np.inf, 0.0)
    for number, (feature, threshold) in enumerate(splits):
        distance = abs(row[feature] - threshold)
        is_true = row[feature] <= threshold
        # Whoever turns a predicate around pays its distance.
        demand({width - 1: 1.0, number: distance if is_true else -distance}, distance if is_true else 0.0, np.inf)
    place = len(splits)
    for one, tree in enumerate(trees):
        own = [place + number for number, (owner, _) in enumerate(leaves) if owner == one]
        demand(dict.fromkeys(own, 1.0), 1.0, 1.0)
        for leaf in own:
            node = leaves[leaf - place][1]
            for split, goes_left in _way(tree, node):
                if goes_left:
                    demand({leaf: 1.0, predicates[split]: -1.0}, -np.inf, 0.0)
                else:
                    demand({leaf: 1.0, predicates[split]: 1.0}, -np.inf, 1.0)
    margins = {place + number: float(leaf_margins[one][node]) for number, (one, node) in enumerate(leaves)}
    demand(margins, least - base, np.inf)
    lines, lows, highs = zip(*constraints, strict=True)
    cost = np.zeros(width)
    cost[-1] = 1.0
    found = milp(
        cost,
        integrality=np.r_[np.ones(width - 1), 0],
        bounds=Bounds(np.zeros(width), np.r_[np.ones(width - 1), np.inf]),
        constraints=LinearConstraint(np.array(lines), lows, highs),
    )
    return float(found.fun) if found.success else float("inf")


def _way(tree: Any, leaf: int) -> list[tuple[tuple[int, float], bool]]:
    """Return the comparisons from a leaf up to the root, and whether they hold."""
    way = []
    while leaf:
        parent = int(np.flatnonzero((tree.children_left == leaf) | (tree.children_right == leaf))[0])
        way.append(((int(tree.feature[parent]), float(tree.threshold[parent])), tree.children_left[parent] == leaf))
        leaf = parent
    return way
