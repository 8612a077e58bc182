"""Fewer trees of a forest or a bagging ensemble, chosen by rows that do not judge the result."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
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
        formats=("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"),
        families=("forest", "bagging"),
        takes="random forests, extra trees and bagging ensembles of scikit-learn, forests of XGBoost and LightGBM",
        variants=of_sizes(_TEMPLATES, ("1/2", "1/4")),
        templates=_TEMPLATES,
        packages=("scikit-learn", "xgboost", "xgboost-cpu", "lightgbm"),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with the chosen trees only."""
        from mltest.coordinator.builder.surgery.prune_members import prune_members, rows_within_memory
        from mltest.coordinator.builder.surgery.selection import read_selection

        assert source.rows is not None
        if source.native is None:
            return _pruned_file(source, source.rows, options, target)
        estimator = source.native.estimator
        selection = rows_within_memory(estimator, read_selection(source.rows, source.native))
        pruned = prune_members(estimator, selection, method=options["method"], keep=options["keep"])
        return replace(source.native, estimator=pruned)


def _pruned_file(source: ExportSource, rows: Path, options: Mapping[str, str], target: Path) -> Path:
    from mltest.coordinator.builder.surgery.change_library_trees import change_file, prune_trees
    from mltest.coordinator.builder.surgery.selection import read_library_selection

    name, file_format = PruneTrees.needs.name, source.info.format
    selection = read_library_selection(source.path, file_format, rows)
    prune = partial(prune_trees, selection=selection, method=options["method"], keep=options["keep"], transform=name)
    change_file(source.path, file_format, target, name, prune)
    return target
