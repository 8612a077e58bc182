"""Models as C: the agent compiles their source, and a worker loads the library; nothing but a compiler is needed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate
from mltest.shared.native.artifact_flags import C_SOURCE
from mltest.shared.native.c_library import CLibrary

if TYPE_CHECKING:
    from mltest.agent.native.native_form import Batches
    from mltest.agent.worker.form import Form


def source_needs(name: str, source_format: str = C_SOURCE) -> RuntimeNeeds:
    """Return what a runtime needs that is a compiler and nothing else: whoever wrote its sources is not needed here."""
    return RuntimeNeeds(
        name=name,
        formats=(source_format,),
        packages=("numpy",),
        modules=("numpy",),
        extra="runtimes-c",
        needs_compiler=True,
    )


class CompiledSource:
    """Runs `mltest_predict` of a library; the interface is open to sources of every tool, and a subclass names one."""

    needs: RuntimeNeeds

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Load the library that was compiled from the candidate's source."""
        return open_library(artifact, candidate)


@runtime
class CompiledC(CompiledSource):
    """Sources that are this project's own."""

    needs = source_needs("c")


def open_library(artifact: Path, candidate: VisitCandidate) -> OpenModel:
    """Return the model in a library that has the interface of docs/c-interface.md, whatever its source was written in.

    Raises:
        ModelInvalidError: it has not, or is not what was said of it.
        ModelUnsupportedError: the interface does not give what the job asks for.

    """
    return _OpenLibrary(artifact, candidate)


class _OpenLibrary(CLibrary):
    def lean_calls(self, batches: "Batches") -> "Sequence[Callable[[], object]]":
        """Return calls by ctypes, with every pointer made beforehand."""
        from mltest.agent.native.compiled_calls import lean_calls

        return lean_calls(self.function, batches, self.written(len(batches[0])))

    def native_calls(self, batches: "Batches", loop_library: Callable[[], Path]) -> "Form":
        """Call the function from C."""
        from mltest.agent.native.compiled_calls import native_calls

        return native_calls(self.function, batches, self.written(len(batches[0])), self.answer, loop_library())
