"""Trees of a limited depth, on request with leaves that are fitted anew to it."""

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

_AVERAGED = ("forest", "bagging", "tree")
"""Leaves of boosting are not refined: what they add up to is not the answer itself."""
_TEMPLATES = (
    Variant(name=SIZE, options={"depth": SIZE}, is_lossy=True),
    Variant(
        name=f"{SIZE} refined",
        options={"depth": SIZE, "refine": "yes"},
        is_lossy=True,
        families=_AVERAGED,
        uses_rows=True,
    ),
)


@transform
class CapDepth:
    """Options: `depth`, a number or a share of that of the deepest tree; with `refine` the leaves are fitted anew."""

    needs = TransformNeeds(
        name="cap-depth",
        formats=("skops", "pickle"),
        families=(*_AVERAGED, "boosting"),
        takes="trees, forests, bagged trees and gradient boosting of scikit-learn",
        variants=of_sizes(_TEMPLATES, ("3/4", "1/2")),
        templates=_TEMPLATES,
        packages=("scikit-learn",),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with shallower trees."""
        from mltest.coordinator.builder.surgery.cap_depth import cap_depth
        from mltest.coordinator.builder.surgery.leaf_refinement import refined
        from mltest.coordinator.builder.surgery.prune_members import rows_within_memory
        from mltest.coordinator.builder.surgery.selection import read_selection

        assert source.native is not None
        capped = cap_depth(source.native.estimator, options["depth"])
        if "refine" in options:
            assert source.rows is not None
            selection = rows_within_memory(capped, read_selection(source.rows, source.native))
            capped = refined(capped, selection)
        return replace(source.native, estimator=capped)
