"""Which keys a kind of thresholds needs. Pure."""

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.keys import IntegerKeys, Keys, RowKeys, SidedKeys
from mltest.coordinator.builder.c_source.rank_keys import RankKeys

ROUNDED = "8-bit rounded"
"""Ranks of eight bits for a model with more thresholds than they count."""
RANK_BITS = {"16-bit": 16, "8-bit": 8, ROUNDED: 8}
"""Kinds of thresholds that are ranks."""
THRESHOLDS = ("float", "double", "int", *RANK_BITS)
"""Kinds of thresholds."""


def keys_for(ensemble: Ensemble, thresholds: str, *, compares_sides: bool) -> Keys:
    """Return the keys for `thresholds`, one of THRESHOLDS.

    Args:
        ensemble: what is printed.
        thresholds: their kind; float is double where X is.
        compares_sides: whether the layout sends missing values to their side by the comparison itself.

    """
    if thresholds == "int":
        return IntegerKeys(ensemble)
    if thresholds in RANK_BITS:
        return RankKeys(ensemble, RANK_BITS[thresholds])
    number_type = "float32" if thresholds == "float" and ensemble.input_type == "float32" else "float64"
    if compares_sides or all(all(tree.misses_left[node] for node, _, _ in tree.inner()) for tree in ensemble.trees):
        return RowKeys(ensemble.input_type, number_type, ensemble.feature_count)
    return SidedKeys(ensemble, number_type)
