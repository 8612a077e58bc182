"""Reads the tree ensemble of a submitted model, whichever library made it; in the builder's child only."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.treelite_reader import CONVERTER, ensemble_of
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.exporters.treelite_export import treelite_model
from mltest.shared.errors import ConversionError

XGBOOST = {"xgboost-json": "json", "xgboost-ubj": "ubjson"}
"""Formats of XGBoost, as treelite calls them."""
LIGHTGBM = "lightgbm"


def read_ensemble(source: ExportSource) -> Ensemble:
    """Return the ensemble of `source`.

    Raises:
        ConversionError: it is none, or has what no printer knows.

    """
    if source.native is not None:
        model, rounds_to_float32 = treelite_model(source)
        return _as_native(ensemble_of(model, rounds_to_float32=rounds_to_float32), source.native.estimator)
    import treelite

    path, frontend = str(source.path), treelite.frontend
    if source.info.format in XGBOOST:
        choice = XGBOOST[source.info.format]
        model = _loaded(lambda: frontend.load_xgboost_model(path, format_choice=choice))
        return ensemble_of(model, rounds_to_float32=True)
    if source.info.format == LIGHTGBM:
        return ensemble_of(_loaded(lambda: frontend.load_lightgbm_model(path)), rounds_to_float32=False)
    raise ConversionError(converter=CONVERTER, detail=f"it reads no {source.info.format} files")


def _loaded(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except MemoryError:
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConversionError(converter=CONVERTER, detail=f"treelite does not read it ({line})") from error


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
