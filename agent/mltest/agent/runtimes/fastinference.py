"""Models as C++ that FastInference (upstream, unmodified) generated; the agent compiles it, a worker loads the library.

Nothing but a compiler is needed here: the tool itself runs where the candidate is made.
"""

from pathlib import Path

from mltest.agent.native.artifact_flags import CXX_SOURCE
from mltest.agent.runtimes.c import open_library
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate


@runtime
class FastInference:
    """Runs the functions that FastInference wrote, behind the interface of docs/c-interface.md."""

    needs = RuntimeNeeds(
        name="fastinference",
        formats=(CXX_SOURCE,),
        packages=("numpy",),
        modules=("numpy",),
        extra="runtimes-c",
        needs_compiler=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Load the library that was compiled from the candidate's source."""
        return open_library(artifact, candidate)
