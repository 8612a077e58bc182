"""OpenVINO on the CPU: networks."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.network_answers import network_answer, network_predictions
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

_SETTINGS = {"NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
"""Where the processor can, OpenVINO would compute in bfloat16 by itself."""
_MAX_LINE_CHARS = 300


@runtime
class OpenVino:
    """Runs an ONNX graph with one output, scores or values; it has no operators for classical models."""

    needs = RuntimeNeeds(
        name="openvino",
        formats=("onnx",),
        packages=("openvino", "numpy"),
        modules=("openvino", "numpy"),
        extra="runtimes-openvino",
        is_apart=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open an ONNX file with the candidate's number of threads."""
        import openvino

        core = openvino.Core()
        try:
            model = core.read_model(model=artifact.read_bytes(), weights=b"")
        except Exception as error:
            line = _reason(error)
            if "No conversion rule" in line:
                raise ModelUnsupportedError(detail=f"OpenVINO lacks an operator: {line}") from error
            raise ModelInvalidError(detail=f"OpenVINO cannot open it: {line}") from error
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            counts = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
            raise ModelUnsupportedError(detail=f"it has {counts}, OpenVINO gets graphs with one of each")
        compiled = core.compile_model(model, "CPU", {**_SETTINGS, "INFERENCE_NUM_THREADS": candidate.threads})
        return _OpenNetwork(compiled, candidate)


class _OpenNetwork:
    def __init__(self, compiled: Any, candidate: VisitCandidate) -> None:
        self._compiled = compiled
        self._candidate = candidate
        self.predict = _call(compiled)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        return network_answer(output, row_count, self._candidate)

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> "Sequence[Callable[[], object]]":
        """Return calls of one request whose output is bound beforehand, as are the batches."""
        import numpy as np
        import openvino

        written = np.zeros_like(self.predict(batches[0]))
        request = self._compiled.create_infer_request()
        request.set_output_tensor(openvino.Tensor(written, shared_memory=True))
        tensors = [openvino.Tensor(batch, shared_memory=True) for batch in batches]
        return [partial(_requested, request, tensor, written) for tensor in tensors]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: "Callable[[], Path]") -> "Form":
        """Refuse."""
        raise CallAbsentError(detail="OpenVINO is called from Python only here")

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return network_predictions(self.predict(batch), len(batch), self._candidate)


def _call(compiled: Any) -> "Callable[[NDArray[np.floating]], NDArray[np.floating]]":
    return lambda batch: compiled(batch)[0]


def _requested(request: Any, tensor: Any, written: "NDArray[np.generic]") -> "NDArray[np.generic]":
    request.set_input_tensor(tensor)
    request.infer()
    return written


def _reason(error: Exception) -> str:
    """Return the lines of a message that say what is wrong; the others name lines of OpenVINO's source."""
    lines = [line.strip(" -") for line in str(error).splitlines() if not line.startswith(("Exception from", "Check "))]
    return "; ".join(filter(None, lines))[:_MAX_LINE_CHARS] or type(error).__name__
