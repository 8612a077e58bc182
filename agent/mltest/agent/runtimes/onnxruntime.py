"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import CallAbsentError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.native.native_form import Batches
    from mltest.agent.native.onnxruntime_calls import CSession
    from mltest.agent.worker.form import Form
    from mltest.shared.native.onnx_session import OnnxSession
    from mltest.shared.native.predictions import Predictions


@runtime
class OnnxRuntime:
    """Runs an ONNX graph; a timed call asks only for the output that the job needs."""

    needs = RuntimeNeeds(
        name="onnxruntime",
        formats=("onnx",),
        packages=("onnxruntime", "numpy"),
        modules=("onnxruntime", "numpy"),
        extra="runtimes-onnxruntime",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open an ONNX file with the candidate's number of threads."""
        from mltest.shared.native.onnx_session import open_session

        return _OpenGraph(open_session(artifact, threads=candidate.threads), artifact, candidate)


class _OpenGraph:
    def __init__(self, session: "OnnxSession", artifact: Path, candidate: VisitCandidate) -> None:
        self._session = session
        self._artifact = artifact
        self._candidate = candidate
        self._native: CSession | None = None
        self.predict = session.call(candidate.output)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        return self._session.answer(output, self._candidate.output, row_count, classes=self._candidate.classes)

    def lean_calls(self, batches: "Batches") -> "Sequence[Callable[[], object]]":
        """Return calls with bound input and output (io binding); all write into the same output."""
        output, written = self._candidate.output, self._written(batches)
        calls = [self._session.bound(output, batch, written) for batch in batches]
        try:
            calls[0]()
        except Exception as error:
            # It checks a bound output against the shape that the graph declares, and others not.
            line = (str(error).strip().splitlines() or [""])[0][:300]
            raise CallAbsentError(detail=f"ONNX Runtime does not take a bound output of this graph ({line})") from error
        return calls

    def native_calls(self, batches: "Batches", loop_library: "Callable[[], Path]") -> "Form":
        """Open the graph in ONNX Runtime's C library, once, and call that."""
        from mltest.agent.native.onnxruntime_calls import CSession, native_calls

        written = self._written(batches)
        if self._native is None:
            self._native = CSession(loop_library(), self._artifact, self._candidate.threads)
        names = (self._session.input_name, self._session.output_name(self._candidate.output))
        return native_calls(self._native, names, batches, written, self.answer)

    def _written(self, batches: "Batches") -> "NDArray[np.generic]":
        """Return an array as one call fills it."""
        import numpy as np

        answered = self.predict(batches[0])
        if not isinstance(answered, np.ndarray) or answered.dtype.kind not in "if":
            detail = "the graph answers with text or a map, for which ONNX Runtime allocates memory in each call"
            raise CallAbsentError(detail=detail)
        return np.zeros_like(answered)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._session.predictions(batch, task=self._candidate.task, classes=self._candidate.classes)
