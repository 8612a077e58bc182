"""scikit-learn tree ensembles to treelite checkpoints."""

from pathlib import Path
from typing import Any

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.errors import ConversionError


@exporter
class TreeliteExport:
    """Takes ensembles without preprocessing; a lone tree becomes an ensemble of one."""

    needs = ExporterNeeds(
        name="treelite_export",
        runtimes=("treelite",),
        formats={"skops": "treelite-checkpoint", "pickle": "treelite-checkpoint"},
        families=("forest", "boosting", "tree"),
        takes="tree ensembles of scikit-learn",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert."""
        model, rounds_to_float32 = treelite_model(source)
        target.write_bytes(model.serialize_bytes())
        return Exported(input_dtype="float64", options={"rounds_to_float32": str(rounds_to_float32).lower()})


def treelite_model(source: ExportSource) -> tuple[Any, bool]:
    """Return the `treelite.Model` of a submitted model, and whether its own library rounds X to float32 first.

    Raises:
        ConversionError: treelite cannot hold it.

    """
    import treelite

    assert source.native is not None
    ensemble = _ensemble(source.native.estimator)
    try:
        return treelite.sklearn.import_model(ensemble), _rounds(ensemble)
    except MemoryError:
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConversionError(converter="treelite", detail=line) from error


def _ensemble(estimator: Any) -> Any:
    from sklearn.pipeline import Pipeline
    from sklearn.tree import BaseDecisionTree

    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        if len(steps) > 1:
            names = ", ".join(type(step).__name__ for step in steps[:-1])
            raise ConversionError(converter="treelite", detail=f"it holds trees only, not the steps before ({names})")
        estimator = steps[0]
    return _forest_of_one(estimator) if isinstance(estimator, BaseDecisionTree) else estimator


def _forest_of_one(tree: Any) -> Any:
    from sklearn.base import is_classifier
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    forest = (RandomForestClassifier if is_classifier(tree) else RandomForestRegressor)(n_estimators=1)
    forest.estimators_ = [tree]
    forest.n_outputs_, forest.n_features_in_ = tree.n_outputs_, tree.n_features_in_
    if is_classifier(tree):
        forest.classes_, forest.n_classes_ = tree.classes_, tree.n_classes_
    return forest


def _rounds(ensemble: Any) -> bool:
    """Return whether scikit-learn rounds X to float32 first: histogram boosting compares in float64, others do not."""
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting

    return not isinstance(ensemble, BaseHistGradientBoosting)
