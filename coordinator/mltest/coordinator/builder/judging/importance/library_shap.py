"""Shapley values as the libraries of boosted trees compute them, with what their models say before the link."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Found = tuple[NDArray[np.float64], float, float]
"""(rows, features, outputs), the largest difference from what the model says, the largest value that it says."""
Explain = Callable[[NDArray[np.floating]], Found]


def xgboost_shares(path: Path) -> Explain:
    """Return `Booster.predict(pred_contribs=True)` of the file at `path`, which was opened before."""
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(path.read_bytes()))

    def explain(rows: NDArray[np.floating]) -> Found:
        matrix = xgboost.DMatrix(
            rows.astype(np.float32), feature_names=booster.feature_names, feature_types=booster.feature_types
        )
        return _found(
            np.asarray(booster.predict(matrix, pred_contribs=True)),
            np.asarray(booster.predict(matrix, output_margin=True)),
            rows.shape[1],
        )

    return explain


def lightgbm_shares(path: Path) -> Explain:
    """Return `Booster.predict(pred_contrib=True)`."""
    import lightgbm

    booster: Any = lightgbm.Booster(model_file=path)

    def explain(rows: NDArray[np.floating]) -> Found:
        given = rows.astype(np.float64)
        shares = booster.predict(given, pred_contrib=True, num_threads=1)
        return _found(np.asarray(shares), np.asarray(booster.predict(given, raw_score=True)), rows.shape[1])

    return explain


def catboost_shares(path: Path) -> Explain:
    """Return `CatBoost.get_feature_importance(type="ShapValues")`."""
    import catboost

    model = catboost.CatBoost()
    model.load_model(str(path), format="cbm")

    def explain(rows: NDArray[np.floating]) -> Found:
        given = rows.astype(np.float32)
        shares = model.get_feature_importance(catboost.Pool(given), type="ShapValues", thread_count=1)
        said = model.predict(given, prediction_type="RawFormulaVal", thread_count=1)
        return _found(np.asarray(shares), np.asarray(said), rows.shape[1])

    return explain


LIBRARY_SHARES: Mapping[str, Callable[[Path], Explain]] = {
    "xgboost-json": xgboost_shares,
    "xgboost-ubj": xgboost_shares,
    "lightgbm": lightgbm_shares,
    "catboost": catboost_shares,
}
"""By the format of the file."""


def _found(shares: NDArray[np.floating], said: NDArray[np.floating], feature_count: int) -> Found:
    """Bring every library's shape, with what is said without any feature as the last column, into one."""
    row_count = len(said)
    by_output = shares.reshape(row_count, -1, feature_count + 1).transpose(0, 2, 1).astype(np.float64)
    sums = said.reshape(row_count, -1).astype(np.float64)
    gap = float(np.abs(by_output.sum(axis=1) - sums).max())
    return by_output[:, :-1], gap, float(np.abs(sums).max())
