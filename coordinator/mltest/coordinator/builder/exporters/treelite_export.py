"""Tree ensembles of scikit-learn, XGBoost and LightGBM to treelite checkpoints."""

import copy
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.exporters.lone_step import lone_step
from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.errors import ConversionError


@exporter
class TreeliteExport:
    """Takes ensembles without preprocessing; a lone tree becomes an ensemble of one."""

    needs = ExporterNeeds(
        name="treelite_export",
        runtimes=("treelite",),
        formats=dict.fromkeys(("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"), "treelite-checkpoint"),
        families=("forest", "boosting", "tree"),
        takes="tree ensembles of scikit-learn, XGBoost and LightGBM",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert."""
        model, exported = treelite_model(source)
        target.write_bytes(model.serialize_bytes())
        return exported


def treelite_model(source: ExportSource) -> tuple[Any, Exported]:
    """Return the `treelite.Model` of a submitted model, and how it is to be run.

    Raises:
        ConversionError: treelite cannot hold it.

    """
    try:
        return _boosted(source) if source.native is None else _fitted(source.native.estimator)
    except (ConversionError, MemoryError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConversionError(converter="treelite", detail=line) from error


def _fitted(estimator: Any) -> tuple[Any, Exported]:
    import treelite

    ensemble = _ensemble(estimator)
    if len(getattr(ensemble, "classes_", (0, 1))) < 2:
        raise ConversionError(converter="treelite", detail="it has no classifiers of a single class")
    options = {"rounds_to_float32": str(_rounds(ensemble)).lower()}
    return treelite.sklearn.import_model(ensemble), Exported(input_dtype="float64", options=options)


def _boosted(source: ExportSource) -> tuple[Any, Exported]:
    """Return a model of another library; it takes rows in the type in which that compares."""
    from mltest.coordinator.builder.treelite_boosters import boosted_model

    model = boosted_model(source)
    return model, Exported(input_dtype=model.input_type)


def _ensemble(estimator: Any) -> Any:
    from sklearn.tree import BaseDecisionTree

    estimator = lone_step(estimator, "treelite", holds="trees")
    return _forest_of_one(estimator) if isinstance(estimator, BaseDecisionTree) else _counted(estimator)


def _counted(ensemble: Any) -> Any:
    """Return `ensemble` with `n_estimators` as many as it has.

    Training may stop early, and whoever trained may set another number behind; treelite reads as many as are told, in
    memory that is not there.
    """
    fitted = getattr(ensemble, "estimators_", None)
    if fitted is None or getattr(ensemble, "n_estimators", len(fitted)) == len(fitted):
        return ensemble
    counted = copy.copy(ensemble)
    counted.n_estimators = len(fitted)
    return counted


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
