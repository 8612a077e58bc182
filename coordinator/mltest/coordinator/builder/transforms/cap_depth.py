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
    from mltest.coordinator.builder.surgery.library_trees import LibraryTrees
    from mltest.shared.native.outputs import Estimator, NativeModel

_TEMPLATES = (
    Variant(name=SIZE, options={"depth": SIZE}, is_lossy=True),
    Variant(
        name=f"{SIZE} refined",
        options={"depth": SIZE, "refine": "yes"},
        is_lossy=True,
        uses_rows=True,
    ),
)


@transform
class CapDepth:
    """Options: `depth`, a number or a share of that of the deepest tree; with `refine` the leaves are fitted anew."""

    needs = TransformNeeds(
        name="cap-depth",
        formats=("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"),
        families=("forest", "bagging", "tree", "boosting"),
        takes="trees, forests, bagged trees and boosting of scikit-learn, XGBoost and LightGBM",
        variants=of_sizes(_TEMPLATES, ("3/4", "1/2")),
        templates=_TEMPLATES,
        packages=("scikit-learn", "xgboost", "xgboost-cpu", "lightgbm"),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with shallower trees."""
        from mltest.coordinator.builder.surgery.cap_depth import cap_depth

        if source.native is None:
            return _capped_file(source, options, target)
        capped = cap_depth(source.native.estimator, options["depth"])
        if "refine" in options:
            capped = refined_by_half(capped, source)
        return replace(source.native, estimator=capped)


def refined_by_half(estimator: "Estimator", source: ExportSource) -> "Estimator":
    """Return `estimator`, made of that of `source`, with leaves fitted to the half by which choices are made."""
    from mltest.coordinator.builder.surgery.boosted_leaves import refined_boosting
    from mltest.coordinator.builder.surgery.leaf_refinement import refined
    from mltest.coordinator.builder.surgery.prune_members import rows_within_memory
    from mltest.coordinator.builder.surgery.selection import read_selection

    assert source.native is not None
    assert source.rows is not None
    selection = read_selection(source.rows, source.native)
    if source.info.family == "boosting":
        return refined_boosting(estimator, selection)
    return refined(estimator, rows_within_memory(estimator, selection))


def _capped_file(source: ExportSource, options: Mapping[str, str], target: Path) -> Path:
    from mltest.coordinator.builder.surgery.change_library_trees import cap_trees, change_file, refine_trees
    from mltest.coordinator.builder.surgery.selection import read_library_selection

    name, file_format = CapDepth.needs.name, source.info.format

    def change(trees: "LibraryTrees") -> None:
        cap_trees(trees, options["depth"], name)
        if "refine" in options:
            assert source.rows is not None
            refine_trees(trees, read_library_selection(source.path, file_format, source.rows), name)

    change_file(source.path, file_format, target, name, change)
    return target
