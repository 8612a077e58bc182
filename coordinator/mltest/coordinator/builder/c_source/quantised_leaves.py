"""Leaves as small integers: sums become integers, too, which need no unit for floating point. Pure; lossy."""

from dataclasses import replace

from mltest.coordinator.builder.c_source.ensemble import Ensemble, Tree

MAX_TREES = 1 << 16
"""As many leaves of 16 bits fit into a sum of 32."""


def with_integer_leaves(ensemble: Ensemble, bits: int) -> Ensemble:
    """Return `ensemble` with leaves rounded to integers of `bits` (8 or 16); the largest one uses all of them."""
    largest = max((abs(value) for tree in ensemble.trees for values in tree.values for value in values), default=0.0)
    unit = largest / (2 ** (bits - 1) - 1) or 1.0
    trees = tuple(_rounded(tree, unit) for tree in ensemble.trees)
    return replace(ensemble, trees=trees, sum_type="int32", leaf_bits=bits, leaf_unit=unit)


def _rounded(tree: Tree, unit: float) -> Tree:
    values = tuple(tuple(float(round(value / unit)) for value in values) for values in tree.values)
    return replace(tree, values=values)
