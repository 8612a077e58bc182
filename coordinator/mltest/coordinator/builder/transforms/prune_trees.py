"""Fewer trees of a forest or a bagging ensemble, chosen by rows that do not judge the result."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.transforms.registry import transform
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import SIZE, Variant, of_sizes

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel

_METHODS = ("reduced-error", "complementarity", "individual")
_TEMPLATES = tuple(
    Variant(name=f"{method} {SIZE}", options={"method": method, "keep": SIZE}, is_lossy=True, uses_rows=True)
    for method in _METHODS
)


@transform
class PruneTrees:
    """Options: `method` (reduced-error, complementarity, individual) and `keep`, a number or a share of the trees."""

    needs = TransformNeeds(
        name="prune-trees",
        formats=("skops", "pickle"),
        families=("forest", "bagging"),
        takes="random forests, extra trees and bagging ensembles of scikit-learn",
        variants=of_sizes(_TEMPLATES, ("1/2", "1/4")),
        templates=_TEMPLATES,
        packages=("scikit-learn",),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with the chosen trees only."""
        from mltest.coordinator.builder.surgery.prune_members import prune_members, rows_within_memory
        from mltest.coordinator.builder.surgery.selection import read_selection

        assert source.native is not None
        assert source.rows is not None
        estimator = source.native.estimator
        selection = rows_within_memory(estimator, read_selection(source.rows, source.native))
        pruned = prune_members(estimator, selection, method=options["method"], keep=options["keep"])
        return replace(source.native, estimator=pruned)
