"""Trees whose sum says how much more speaks for one class than for another, as Veritas takes them.

They are built from our own reading of the model, with thresholds in float64: a comparison x <= t is x < the next number
behind t. Source: Devos, Meert and Davis 2021, "Versatile verification of tree ensembles" (dtai-veritas).
"""

import math
from typing import Any

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Link, Tree

_EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}
_LINKED = 1e-6
"""Behind a link two sums this close can be the same number."""

Pair = tuple[int, int]
"""Class of the row, and another one."""


def is_binary(ensemble: Ensemble) -> bool:
    """Return whether one sum decides between two classes: above 0 is the second."""
    return ensemble.link is Link.SIGMOID


def margin_trees(ensemble: Ensemble, pair: Pair, missing: frozenset[int] = frozenset()) -> Any:
    """Return a `veritas.AddTree` with the sum of the other class minus that of the row's class.

    Args:
        ensemble: of a classifier.
        pair: positions of both classes.
        missing: columns in which the row has no value; comparisons of them are decided.

    """
    from veritas import AddTree, AddTreeType

    made = AddTree(1, AddTreeType.REGR)
    made.set_base_score(0, _margin(ensemble, ensemble.base_scores, pair))
    for tree in ensemble.trees:
        if tree.output < 0 or tree.output in pair or is_binary(ensemble):
            _add(made.add_tree(), ensemble, tree, pair, missing)
    return made


def margin_slack(ensemble: Ensemble) -> float:
    """Return how far the library's own sums can be from exact ones: a margin within it may be on either side of 0."""
    largest = sum(max((abs(value) for leaf in tree.values for value in leaf), default=0.0) for tree in ensemble.trees)
    largest += max(map(abs, ensemble.base_scores), default=0.0)
    rounding = 2 * (len(ensemble.trees) + 2) * _EPSILONS.get(ensemble.sum_type, _EPSILONS["float32"]) * largest
    is_linked = ensemble.link is not Link.NONE and ensemble.sum_type != "float64"
    return rounding + (_LINKED if is_linked else 0.0)


def _margin(ensemble: Ensemble, sums: tuple[float, ...], pair: Pair) -> float:
    own, other = pair
    if is_binary(ensemble):
        return sums[0] if other == 1 else -sums[0]
    return sums[other] - sums[own]


def _add(made: Any, ensemble: Ensemble, tree: Tree, pair: Pair, missing: frozenset[int]) -> None:
    """Copy `tree` into `made`, a tree of Veritas with nothing but its root."""
    waiting = [(0, made.root())]
    while waiting:
        node, place = waiting.pop()
        while tree.features[node] in missing:
            node = tree.lefts[node] if tree.misses_left[node] else tree.rights[node]
        if tree.features[node] == LEAF:
            made.set_leaf_value(place, 0, _margin(ensemble, _sums(ensemble, tree, node), pair))
            continue
        made.split(place, tree.features[node], math.nextafter(tree.thresholds[node], math.inf))
        waiting += [(tree.lefts[node], made.left(place)), (tree.rights[node], made.right(place))]


def _sums(ensemble: Ensemble, tree: Tree, leaf: int) -> tuple[float, ...]:
    if tree.output < 0:
        return tree.values[leaf]
    sums = [0.0] * ensemble.sum_count
    sums[tree.output] = tree.values[leaf][0]
    return tuple(sums)
