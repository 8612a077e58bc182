"""What the workers of a visit open: the artifacts as they came, or the libraries compiled from them."""

from collections.abc import Sequence
from pathlib import Path

from mltest.agent.environments.environments import Environments
from mltest.agent.native.compiled_libraries import CompiledLibraries, CompiledLibrary
from mltest.agent.visit.visit_log import VisitLog
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import SampleSeries, VisitCandidate
from mltest.shared.errors import CallAbsentError, InfrastructureError, MltestError, RuntimeMissingError
from mltest.shared.native.artifact_flags import LANGUAGES
from mltest.shared.native.compiled_program import TORCH_COMPILE


class Artifacts:
    """Of one visit; everything is compiled before the first worker starts."""

    def __init__(self, store: BlobStore, libraries: CompiledLibraries, environments: Environments) -> None:
        self._store = store
        self._environments = environments
        self._libraries = libraries
        self._compiled: dict[str, CompiledLibrary | MltestError] = {}

    async def compile_all(self, candidates: Sequence[VisitCandidate], log: VisitLog) -> None:
        """Compile sources, and programs for Inductor; what fails is told when its candidate's turn has come.

        Raises:
            InfrastructureError: the machine is at fault.

        """
        for candidate in candidates:
            if candidate.format in LANGUAGES or candidate.runtime == TORCH_COMPILE:
                log.step(candidate.candidate_id)
                self._compiled[candidate.candidate_id] = await self._tried(candidate)

    def path(self, candidate: VisitCandidate) -> Path:
        """Return what the worker of `candidate` opens.

        Raises:
            MltestError: it does not compile, or there is no compiler.

        """
        compiled = self._compiled.get(candidate.candidate_id)
        if isinstance(compiled, MltestError):
            raise compiled
        return compiled.path if compiled is not None else self._store.path(candidate.artifact_sha256)

    def series(self, candidate: VisitCandidate, now_monotonic_ns: int) -> tuple[SampleSeries, ...]:
        """Return what compiling cost, when that was done; nothing for an artifact that is no source."""
        compiled = self._compiled.get(candidate.candidate_id)
        if not isinstance(compiled, CompiledLibrary):
            return ()
        values = {
            "compile_ns": compiled.cost.compile_ns,
            "compile_peak_bytes": compiled.cost.compile_peak_bytes,
            "library_bytes": compiled.size_bytes,
        }
        return tuple(
            SampleSeries(
                candidate_id=candidate.candidate_id,
                metric=metric,
                started_monotonic_ns=now_monotonic_ns,
                values=(value,),
            )
            for metric, value in values.items()
        )

    async def _tried(self, candidate: VisitCandidate) -> CompiledLibrary | MltestError:
        source = self._store.path(candidate.artifact_sha256)
        try:
            return await self._compiled_from(source, candidate)
        except InfrastructureError:
            raise
        except CallAbsentError as error:
            return RuntimeMissingError(runtime=candidate.runtime, detail=error.message)
        except MltestError as error:
            return error

    async def _compiled_from(self, source: Path, candidate: VisitCandidate) -> CompiledLibrary:
        sha256 = candidate.artifact_sha256
        if candidate.runtime == TORCH_COMPILE:
            python = self._environments.python_of(TORCH_COMPILE)
            return await self._libraries.compiled_program(source, sha256, candidate.threads, python)
        return await self._libraries.compiled(source, sha256, candidate.options, LANGUAGES[candidate.format])
