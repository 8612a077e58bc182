"""Trees without the splits that gain least, by one price of a leaf for all of them."""

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

_TEMPLATES = (Variant(name=SIZE, options={"leaves": SIZE}, is_lossy=True),)


@transform
class PruneCostComplexity:
    """Option: `leaves`, a number or a share of all leaves; impurities of the training rows decide, no other rows."""

    needs = TransformNeeds(
        name="prune-cost-complexity",
        formats=("skops", "pickle"),
        families=("forest", "bagging", "tree", "boosting"),
        takes="trees, forests, bagged trees and gradient boosting of scikit-learn",
        variants=of_sizes(_TEMPLATES, ("1/2", "1/4")),
        templates=_TEMPLATES,
        packages=("scikit-learn",),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with pruned trees."""
        from mltest.coordinator.builder.surgery.cost_complexity import prune_cost_complexity

        assert source.native is not None
        return replace(source.native, estimator=prune_cost_complexity(source.native.estimator, options["leaves"]))
