"""An artifact of a candidate, opened in the builder's child: what it says of rows that no agent got.

Sources were compiled before (`compiled_artifacts`), by the compiler of this machine, as agents do.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.openable import openable_obstacle
from mltest.coordinator.builder.opened_model import open_native
from mltest.coordinator.job.scheduler import visit_candidate
from mltest.shared.domain import Candidate, ModelInfo, Output, Task, VisitCandidate
from mltest.shared.errors import ConversionError
from mltest.shared.native.artifact_flags import C_SOURCE, CXX_SOURCE
from mltest.shared.native.c_library import CLibrary
from mltest.shared.native.libraries import LIBRARIES, open_library_model
from mltest.shared.native.linear_form import load_linear_form
from mltest.shared.native.litert_network import LiteRtNetwork
from mltest.shared.native.network_answers import module_predictions
from mltest.shared.native.onnx_session import open_session
from mltest.shared.native.predictions import Predictions
from mltest.shared.native.torch_module import array_call, open_program, open_script, use_threads

Predict = Callable[[NDArray[np.floating]], Predictions]

_ROUNDS = "rounds_to_float32"
"""Option of a treelite checkpoint: the original library rounds X before it compares."""


def opened_artifact(path: Path, candidate: Candidate, model: ModelInfo, *, allows_pickle: bool) -> Predict:
    """Return what answers for the candidate; it takes rows (rows, features) of any floating type.

    The artifact is that of the agents, its runtime may be another: ONNX Runtime runs what is OpenVINO's there, PyTorch
    what is Inductor's, treelite what is daal4py's, and LightGBM what is lleaves'.

    Args:
        path: the artifact; of a source, the library that was compiled from it.
        candidate: whose artifact it is.
        model: as submitted.
        allows_pickle: whether pickles may be opened.

    Raises:
        ConversionError: nothing here opens such artifacts.
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
    if candidate.format in _AS_AGENTS_DO:
        return _AS_AGENTS_DO[candidate.format](path, visit_candidate(candidate, model))
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


def _library(path: Path, candidate: VisitCandidate) -> Predict:
    library = CLibrary(path, candidate)
    return lambda rows: library.predictions(library.prepare(rows))


def _network(path: Path, candidate: VisitCandidate) -> Predict:
    network = LiteRtNetwork(path, replace(candidate, threads=1))
    return lambda rows: network.predictions(network.prepare(rows))


def _weights(path: Path, candidate: VisitCandidate) -> Predict:
    form = load_linear_form(path)
    return lambda rows: form.predictions(rows, candidate.task)


def _program(path: Path, candidate: VisitCandidate) -> Predict:
    opened = open_program(path)
    return _module(array_call(opened.module, opened.facts.row_shape), candidate)


def _script(path: Path, candidate: VisitCandidate) -> Predict:
    return _module(array_call(open_script(path), (candidate.feature_count,)), candidate)


def _module(call: Callable[[NDArray[np.floating]], Any], candidate: VisitCandidate) -> Predict:
    use_threads(1)
    return lambda rows: module_predictions(call(rows), len(rows), candidate)


_AS_AGENTS_DO: Mapping[str, Callable[[Path, VisitCandidate], Predict]] = {
    C_SOURCE: _library,
    CXX_SOURCE: _library,
    "linear-npz": _weights,
    "pt2": _program,
    "torchscript": _script,
    "tflite": _network,
}
