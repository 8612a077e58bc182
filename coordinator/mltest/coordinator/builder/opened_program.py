"""An exported program of PyTorch, opened in the builder's child as inspection sees it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.opened_model import TRIED_ROWS, OpenedModel, read_scores
from mltest.coordinator.builder.tokens import check_tokens
from mltest.shared.domain import ModelInfo, Output, Task
from mltest.shared.errors import DataMismatchError
from mltest.shared.model_format import PT2
from mltest.shared.native.onnx_graph import LANGUAGE_MODEL
from mltest.shared.native.onnx_session import as_decision, sum_to_one
from mltest.shared.native.predictions import Predictions
from mltest.shared.native.torch_module import open_program, use_threads


def opened_program(path: Path, data: RawData) -> OpenedModel:
    """Return an exported program as inspection sees it; it takes each row in its own shape, in the order of C.

    A program does not say what its numbers mean; where there is more than one reading, the data decide.

    Raises:
        DataMismatchError: the data have another number of columns than a row has numbers.
        ModelInvalidError, ModelRefusedError, ModelUnsupportedError: as `open_program`.

    """
    opened = open_program(path)
    use_threads(1)
    facts, width = opened.facts, data.rows.shape[1]
    if facts.feature_count != width:
        shape = " x ".join(map(str, facts.row_shape))
        raise DataMismatchError(
            detail=f"the model takes {facts.feature_count} features ({shape}), the data have {width}"
        )

    def scores_of(rows: NDArray[np.floating]) -> NDArray[np.float64]:
        return opened.scores(np.ascontiguousarray(rows, dtype=facts.input_dtype))

    if facts.family == LANGUAGE_MODEL:
        check_tokens(data.rows)
        task, output, classes = Task.REGRESSION, Output.VALUES, tuple[str, ...]()
    else:
        task, output, classes = _reading(scores_of(data.rows[:TRIED_ROWS]), data)

    def predict(rows: NDArray[np.floating]) -> Predictions:
        scores = scores_of(rows)
        if task is Task.REGRESSION:
            return Predictions(scores=scores)
        labels = scores.argmax(axis=1).astype(np.int64)
        return Predictions(labels=labels, scores=as_decision(scores, labels), are_probabilities=sum_to_one(scores))

    info = ModelInfo(
        format=PT2,
        family=facts.family,
        kind=facts.kind,
        task=task,
        output=output,
        feature_count=width,
        classes=classes,
        size_bytes=path.stat().st_size,
    )
    return OpenedModel(info=info, predict=predict)


def _reading(tried: NDArray[np.float64], data: RawData) -> tuple[Task, Output, tuple[str, ...]]:
    classes = tuple(str(index) for index in range(tried.shape[1]))
    return read_scores(tried, classes, data.truth)
