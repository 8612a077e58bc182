"""Models as C++ that FastInference (upstream, unmodified) generated; the agent compiles it, a worker loads the library.

Nothing but a compiler is needed here: the tool itself runs where the candidate is made.
"""

from mltest.agent.runtimes.c import CompiledSource, source_needs
from mltest.agent.runtimes.registry import runtime
from mltest.shared.native.artifact_flags import CXX_SOURCE


@runtime
class FastInference(CompiledSource):
    """Runs the functions that FastInference wrote, behind the interface of docs/c-interface.md."""

    needs = source_needs("fastinference", CXX_SOURCE)
