"""An ONNX graph opened by ONNX Runtime: which of its outputs means what, and its predictions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError, PredictionError
from mltest.shared.native.class_labels import class_indices
from mltest.shared.native.predictions import Predictions

_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}
_LABEL_TYPES = ("tensor(int64)", "tensor(int32)", "tensor(string)")
_SUM_TOLERANCE = 1e-3
"""Of float32 probabilities over many classes."""
_ERRORS_ONLY = 3
"""Severity: ONNX Runtime would otherwise write a line for each call of some graphs that skl2onnx makes."""


class OnnxSession:
    """A graph with one input (rows, features) that is ready to run."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input_name: str = session.get_inputs()[0].name
        self.input_dtype: str = _DTYPES.get(session.get_inputs()[0].type, "")
        """float32 or float64; empty if the graph takes something else."""
        outputs = session.get_outputs()
        labels = [output.name for output in outputs if output.type in _LABEL_TYPES]
        self._label_name: str = labels[0] if labels else ""
        scores = [output.name for output in outputs if output.type not in _LABEL_TYPES]
        self._score_name: str = scores[0] if scores else ""

    @property
    def has_labels(self) -> bool:
        """Whether the graph itself says which class it is."""
        return bool(self._label_name)

    @property
    def has_scores(self) -> bool:
        """Whether the graph gives numbers: scores, probabilities or values."""
        return bool(self._score_name)

    def call(self, output: Output) -> Callable[[NDArray[np.floating]], object]:
        """Return a call that computes `output` and asks the graph for nothing else; this is what is timed."""
        name = self._label_name if output is Output.LABELS and self.has_labels else self._score_name
        run, names, input_name = self._session.run, [name], self._input_name
        return lambda batch: run(names, {input_name: batch})[0]

    def predictions(self, rows: NDArray[np.floating], *, task: Task, classes: Sequence[str]) -> Predictions:
        """Return labels and scores for `rows` (rows, features), which are of `input_dtype`.

        Raises:
            PredictionError: the graph does not take them.

        """
        scores = self._scores(rows, classes) if self.has_scores else None
        if task is Task.REGRESSION:
            return Predictions(scores=scores)
        if self.has_labels:
            labels = class_indices(np.asarray(self._run(self._label_name, rows)).reshape(-1), classes)
        else:
            assert scores is not None
            labels = scores.argmax(axis=1).astype(np.int64)
        if scores is None:
            return Predictions(labels=labels)
        return Predictions(labels=labels, scores=_as_decision(scores, labels), are_probabilities=sum_to_one(scores))

    def _scores(self, rows: NDArray[np.floating], classes: Sequence[str]) -> NDArray[np.float64]:
        raw = self._run(self._score_name, rows)
        if isinstance(raw, list):
            # A ZipMap gives one dictionary for each row, from class to score.
            raw = _columns_in_order(raw, classes)
        return np.asarray(raw, dtype=np.float64).reshape(len(rows), -1)

    def _run(self, name: str, rows: NDArray[np.floating]) -> Any:
        try:
            return self._session.run([name], {self._input_name: rows})[0]
        except Exception as error:
            raise PredictionError(detail=_first_line(error)) from error


def open_session(path: Path, *, threads: int) -> OnnxSession:
    """Open the graph in `path` for the CPU with `threads` threads that sleep while they wait.

    Raises:
        ModelInvalidError: it is not a whole ONNX graph.
        ModelUnsupportedError: this version of ONNX Runtime lacks an operator of it.

    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as OperatorMissing

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except OperatorMissing as error:
        raise ModelUnsupportedError(detail=f"ONNX Runtime lacks an operator: {_first_line(error)}") from error
    except Exception as error:
        raise ModelInvalidError(detail=f"ONNX Runtime cannot open it: {_first_line(error)}") from error
    return OnnxSession(session)


def sum_to_one(scores: NDArray[np.float64]) -> bool:
    """Return whether each row of `scores` (rows, classes) can be class probabilities."""
    in_range = bool(np.all((scores >= -_SUM_TOLERANCE) & (scores <= 1 + _SUM_TOLERANCE)))
    return scores.shape[1] > 1 and in_range and bool(np.allclose(scores.sum(axis=1), 1, atol=_SUM_TOLERANCE))


def _as_decision(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return two opposite columns as scikit-learn's binary decision function: one, positive for the second class.

    Their order cannot be relied on: ONNX Runtime gives that of a support vector machine the other way round.
    """
    if scores.shape[1] != 2 or not np.array_equal(scores[:, 0], -scores[:, 1]):
        return scores
    column = scores[:, 1:]
    is_turned = np.mean((column[:, 0] > 0) == (labels == 1)) < 0.5
    return -column if is_turned else column


def _columns_in_order(rows: list[dict[Any, float]], classes: Sequence[str]) -> NDArray[np.float64]:
    keys = list(rows[0])
    values = np.array([[row[key] for key in keys] for row in rows], dtype=np.float64)
    order = np.argsort(class_indices(np.asarray(keys), classes))
    return values[:, order]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
