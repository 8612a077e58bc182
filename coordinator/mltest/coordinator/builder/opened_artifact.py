"""An artifact of a candidate, opened in the builder's child: what it says of rows that no agent got."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.openable import openable_obstacle
from mltest.coordinator.builder.opened_model import open_native
from mltest.shared.domain import Candidate, ModelInfo, Output, Task
from mltest.shared.errors import ConversionError
from mltest.shared.native.libraries import LIBRARIES, open_library_model
from mltest.shared.native.onnx_session import open_session
from mltest.shared.native.predictions import Predictions

Predict = Callable[[NDArray[np.floating]], Predictions]

_ROUNDS = "rounds_to_float32"
"""Option of a treelite checkpoint: the original library rounds X before it compares."""


def opened_artifact(path: Path, candidate: Candidate, model: ModelInfo, *, allows_pickle: bool) -> Predict:
    """Return what answers for the candidate; it takes rows (rows, features) of any floating type.

    An ONNX file that OpenVINO runs on agents is run by ONNX Runtime here.

    Raises:
        ConversionError: nothing here opens such artifacts: C is compiled on agents only.
        MltestError: it is damaged, or needs what is not here.

    """
    predict = _opened(path, candidate, model, allows_pickle=allows_pickle)
    return lambda rows: predict(np.ascontiguousarray(rows, dtype=candidate.input_dtype or "float32"))


def _opened(path: Path, candidate: Candidate, model: ModelInfo, *, allows_pickle: bool) -> Predict:
    if candidate.format in ("skops", "pickle"):
        native, _ = open_native(path, candidate.format, allows_pickle=allows_pickle)
        return lambda rows: native.predictions(native.prepare(rows))
    if candidate.format == "onnx":
        session = open_session(path, threads=1)
        return lambda rows: session.predictions(
            np.ascontiguousarray(rows, dtype=session.input_dtype), task=model.task, classes=model.classes
        )
    if candidate.format in LIBRARIES:
        library = open_library_model(path, candidate.format)
        return lambda rows: library.predictions(library.prepare(rows))
    if candidate.format == "treelite-checkpoint":
        return _checkpoint(path, candidate, model)
    raise ConversionError(converter="the attack", detail=openable_obstacle(candidate))


def _checkpoint(path: Path, candidate: Candidate, model: ModelInfo) -> Predict:
    import treelite

    opened: Any = treelite.Model.deserialize(path)
    dtype = np.dtype(opened.input_type)
    rounds = candidate.options.get(_ROUNDS) == "true"
    has_probabilities = model.task is Task.CLASSIFICATION and model.output is not Output.SCORES

    def predict(rows: NDArray[np.floating]) -> Predictions:
        taken = rows.astype("float32") if rows.dtype != np.float32 and rounds else rows
        given = treelite.gtil.predict(opened, np.ascontiguousarray(taken, dtype=dtype), nthread=1)
        scores = np.array(given, dtype=np.float64).reshape(len(rows), -1)
        if model.task is Task.REGRESSION:
            return Predictions(scores=scores)
        if has_probabilities and scores.shape[1] == 1:
            scores = np.hstack([1 - scores, scores])
        labels = scores.argmax(axis=1) if scores.shape[1] > 1 else scores[:, 0] > 0
        return Predictions(labels=labels.astype(np.int64), scores=scores, are_probabilities=has_probabilities)

    return predict
