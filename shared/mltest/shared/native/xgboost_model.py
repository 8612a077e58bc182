"""Opens a model of XGBoost; imports the library."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Output
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.library_model import Call, LibraryModel
from mltest.shared.native.xgboost_file import LINEAR, facts_of_xgboost, read_xgboost


def open_model(path: Path, threads: int) -> LibraryModel:
    """Open the JSON or UBJSON file `path`; see `libraries.open_library_model`.

    The usual call is `Booster.inplace_predict`, for a linear model `Booster.predict`, which is the only one there.
    """
    import xgboost

    learner = read_xgboost(path)
    facts = facts_of_xgboost(learner)
    try:
        booster = xgboost.Booster({"nthread": threads})
        # Without its name, which may say anything: the library tells the two forms apart by it.
        booster.load_model(bytearray(path.read_bytes()))
        booster.set_param({"nthread": threads})
    except xgboost.core.XGBoostError as error:
        raise ModelInvalidError(detail=f"XGBoost does not open it ({_line(error)})") from error
    usual, margin = _calls(booster, is_linear=learner["gradient_booster"]["name"] == LINEAR)
    gives_labels = facts.output is Output.LABELS
    return LibraryModel(
        facts=facts,
        input_dtype="float32",
        usual=usual,
        scores=margin if gives_labels else usual,
        labels=usual if gives_labels else None,
        are_probabilities=facts.output is Output.PROBABILITIES,
    )


def _calls(booster: Any, *, is_linear: bool) -> tuple[Call, Call]:
    """Return the usual call, and the one for what it is made from."""
    import xgboost

    def matrix(rows: NDArray[np.floating]) -> Any:
        return xgboost.DMatrix(rows, feature_names=booster.feature_names, feature_types=booster.feature_types)

    if is_linear:
        return lambda rows: booster.predict(matrix(rows)), lambda rows: booster.predict(
            matrix(rows), output_margin=True
        )
    return booster.inplace_predict, partial(booster.inplace_predict, predict_type="margin")


def _line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line and "Stack trace" not in line]
    return (lines or [type(error).__name__])[0][:200]
