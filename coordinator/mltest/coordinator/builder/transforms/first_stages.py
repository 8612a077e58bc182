"""Gradient boosting that ends earlier."""

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

_TEMPLATES = (Variant(name=SIZE, options={"keep": SIZE}, is_lossy=True),)


@transform
class FirstStages:
    """Option: `keep`, a number or a share of the stages; these are the model as it was so far in its training."""

    needs = TransformNeeds(
        name="first-stages",
        formats=("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm", "catboost"),
        families=("boosting",),
        takes="gradient and histogram boosting of scikit-learn, XGBoost, LightGBM and CatBoost",
        variants=of_sizes(_TEMPLATES, ("3/4", "1/2")),
        templates=_TEMPLATES,
        packages=("scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "catboost"),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with its first stages only."""
        from mltest.coordinator.builder.surgery.first_rounds import first_rounds
        from mltest.coordinator.builder.surgery.first_stages import first_stages

        if source.native is None:
            first_rounds(source.path, source.info.format, options["keep"], target)
            return target
        return replace(source.native, estimator=first_stages(source.native.estimator, options["keep"]))
