"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.columns import prepared_rows
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

        return _OpenGraph(open_session(artifact, threads=candidate.threads), candidate)


class _OpenGraph:
    def __init__(self, session: "OnnxSession", candidate: VisitCandidate) -> None:
        self._session = session
        self._candidate = candidate
        self.predict = session.call(candidate.output)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._session.predictions(batch, task=self._candidate.task, classes=self._candidate.classes)
