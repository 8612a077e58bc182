"""Reads the tree ensemble of a submitted model, whichever library made it; in the builder's child only."""

from dataclasses import replace
from typing import Any

from mltest.coordinator.builder.c_source.ensemble import Ensemble, Link
from mltest.coordinator.builder.c_source.treelite_reader import ensemble_of
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.exporters.treelite_export import treelite_model
from mltest.shared.domain import Task


def read_ensemble(source: ExportSource) -> Ensemble:
    """Return the ensemble of `source`.

    Raises:
        ConversionError: it is none, or has what no printer knows.

    """
    model, exported = treelite_model(source)
    rounds = exported.options.get("rounds_to_float32") == "true" or exported.input_dtype == "float32"
    ensemble = ensemble_of(model, rounds_to_float32=rounds)
    if ensemble.link is Link.SIGMOID and source.info.task is Task.REGRESSION:
        ensemble = replace(ensemble, link=Link.LOGISTIC)
    return ensemble if source.native is None else _as_native(ensemble, source.native.estimator)


def _as_native(ensemble: Ensemble, estimator: Any) -> Ensemble:
    """Correct what treelite does not know of scikit-learn's gradient boosting."""
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    from mltest.shared.native.outputs import final_estimator

    final = final_estimator(estimator)
    if not isinstance(final, GradientBoostingClassifier | GradientBoostingRegressor):
        return ensemble
    # It refuses missing values, so that nothing needs to send them anywhere.
    trees = tuple(replace(tree, misses_left=(True,) * tree.node_count) for tree in ensemble.trees)
    # Its exponential loss has the link expit(2 * sum).
    return replace(ensemble, trees=trees, alpha=2.0 if final.loss == "exponential" else ensemble.alpha)
