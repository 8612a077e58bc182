"""A network as LiteRT runs it: one input (rows, features) and one output."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.network_answers import network_answer, network_predictions
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.predictions import Predictions

_MAX_LINE_CHARS = 300


class LiteRtNetwork:
    """An interpreter whose tensors have the size of the last batch; the first call of another size makes them anew."""

    def __init__(self, artifact: Path, candidate: VisitCandidate) -> None:
        """Open a file with the candidate's number of threads.

        Raises:
            ModelInvalidError: it is damaged, or takes other rows than the model.
            ModelUnsupportedError: it has more than one input or output.

        """
        interpreter = _opened(artifact, candidate.threads)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            counts = f"{len(inputs)} inputs and {len(outputs)} outputs"
            raise ModelUnsupportedError(detail=f"it has {counts}, LiteRT gets graphs with one of each")
        self._interpreter = interpreter
        self._candidate = candidate
        self._input: int = inputs[0]["index"]
        self._output: int = outputs[0]["index"]
        shape = [int(size) for size in inputs[0]["shape"]]
        if shape[1:] != [candidate.feature_count]:
            detail = f"it takes rows of shape {shape[1:]}, not the model's {candidate.feature_count} features"
            raise ModelInvalidError(detail=detail)
        self._row_count = shape[0]

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return rows in the type that the graph takes."""
        return prepared_rows(rows, self._candidate)

    def predict(self, batch: "NDArray[np.floating]") -> object:
        """Return what the graph gives for `batch`."""
        if len(batch) != self._row_count:
            self._resize(batch)
        interpreter = self._interpreter
        interpreter.set_tensor(self._input, batch)
        interpreter.invoke()
        return interpreter.get_tensor(self._output)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        """Return scores, or the names of classes."""
        return network_answer(output, row_count, self._candidate)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores."""
        return network_predictions(self.predict(batch), len(batch), self._candidate)

    def _resize(self, batch: "NDArray[np.floating]") -> None:
        """Make room for another number of rows; whoever times calls has made one of the same size before."""
        self._interpreter.resize_tensor_input(self._input, batch.shape)
        self._interpreter.allocate_tensors()
        self._row_count = len(batch)


def _opened(artifact: Path, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelInvalidError(detail=f"LiteRT cannot open it: {_first_line(error)}") from error
    return interpreter


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_MAX_LINE_CHARS]
