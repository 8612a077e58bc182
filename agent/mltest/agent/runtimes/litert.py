"""LiteRT (TensorFlow Lite) on the CPU: networks."""

from pathlib import Path

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate


@runtime
class LiteRt:
    """Runs a graph with one input (rows, features) and one output, with the kernels of XNNPACK where it has them."""

    needs = RuntimeNeeds(
        name="litert",
        formats=("tflite",),
        packages=("ai-edge-litert", "numpy"),
        modules=("ai_edge_litert", "numpy"),
        extra="runtimes-litert",
        is_apart=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a file with the candidate's number of threads."""
        from mltest.shared.native.litert_network import LiteRtNetwork

        return LiteRtNetwork(artifact, candidate)
