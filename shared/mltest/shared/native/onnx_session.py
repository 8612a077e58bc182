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

_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64"}
_LABEL_TYPES = ("tensor(int64)", "tensor(int32)", "tensor(string)")
_SUM_TOLERANCE = 1e-3
"""Of float32 probabilities over many classes."""
_ERRORS_ONLY = 3
"""Severity: ONNX Runtime would otherwise write a line for each call of some graphs that skl2onnx makes."""


class OnnxSession:
    """A graph with one input (rows, features) that is ready to run."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.input_name: str = session.get_inputs()[0].name
        self.input_dtype: str = _DTYPES.get(session.get_inputs()[0].type, "")
        """float32, float64 or, of tokens, int64; empty if the graph takes something else."""
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
        run, names, input_name = self._session.run, [self.output_name(output)], self.input_name
        return lambda batch: run(names, {input_name: batch})[0]

    def output_name(self, output: Output) -> str:
        """Return the name of the output that `call` for `output` asks for."""
        return self._label_name if output is Output.LABELS and self.has_labels else self._score_name

    def bound(
        self, output: Output, batch: NDArray[np.floating], written: NDArray[np.generic]
    ) -> Callable[[], NDArray[np.generic]]:
        """Return a call that computes `output` of `batch` into `written`, and returns it; both are bound beforehand."""
        # ONNX Runtime knows only where they begin: they have to live as long as the call.
        kept = (batch, written)
        binding = self._session.io_binding()
        binding.bind_input(self.input_name, "cpu", 0, batch.dtype, batch.shape, batch.ctypes.data)
        binding.bind_output(self.output_name(output), "cpu", 0, written.dtype, written.shape, written.ctypes.data)
        run = self._session.run_with_iobinding

        def call() -> NDArray[np.generic]:
            run(binding)
            return kept[1]

        return call

    def answer(self, raw: Any, output: Output, row_count: int, *, classes: Sequence[str]) -> NDArray[np.generic]:
        """Return what `call` for `output` gave for `row_count` rows as a new array, with the columns of `predictions`.

        Labels (rows,) as the graph gives them, everything else (rows, outputs) float64.
        """
        if output is Output.LABELS and self.has_labels:
            return np.array(raw).reshape(row_count)
        scores = _as_array(raw, row_count, classes)
        if output is Output.LABELS:
            named: NDArray[np.generic] = np.array(classes)[scores.argmax(axis=1)]
            return named
        return as_decision(scores, scores.argmax(axis=1)) if output is Output.SCORES else scores

    def predictions(self, rows: NDArray[np.floating], *, task: Task, classes: Sequence[str]) -> Predictions:
        """Return labels and scores for `rows` (rows, features), which are of `input_dtype`.

        Raises:
            PredictionError: the graph does not take them.

        """
        has_scores = self.has_scores and task is not Task.CLUSTERING
        scores = self._scores(rows, classes) if has_scores else None
        if task is Task.REGRESSION:
            return Predictions(scores=scores)
        if self.has_labels:
            labels = class_indices(np.asarray(self._run(self._label_name, rows)).reshape(-1), classes)
        else:
            assert scores is not None
            labels = scores.argmax(axis=1).astype(np.int64)
        if scores is None:
            return Predictions(labels=labels)
        return Predictions(labels=labels, scores=as_decision(scores, labels), are_probabilities=sum_to_one(scores))

    def _scores(self, rows: NDArray[np.floating], classes: Sequence[str]) -> NDArray[np.float64]:
        return _as_array(self._run(self._score_name, rows), len(rows), classes)

    def _run(self, name: str, rows: NDArray[np.floating]) -> Any:
        try:
            return self._session.run([name], {self.input_name: rows})[0]
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


def _as_array(raw: Any, row_count: int, classes: Sequence[str]) -> NDArray[np.float64]:
    if isinstance(raw, list):
        # A ZipMap gives one dictionary for each row, from class to score.
        raw = _columns_in_order(raw, classes)
    return np.array(raw, dtype=np.float64).reshape(row_count, -1)


def as_decision(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
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
