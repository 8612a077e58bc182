"""Measures the memory of candidates, each in a fresh process of its own, one at a time, before anything is timed."""

import asyncio
import os
from pathlib import Path

from mltest.agent.host.gpu_memory import process_gpu_bytes, shared_gpu_bytes
from mltest.agent.launch.role import WorkerRoom
from mltest.agent.visit.artifacts import Artifacts
from mltest.agent.visit.memory_answer import absent_remark, memory_series
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.worker_process import WorkerProcess
from mltest.agent.worker.footprint import DEPLOY_PEAK
from mltest.shared.domain import CallRemark, MemorySpec, SampleSeries, VisitCandidate, VisitSpec
from mltest.shared.errors import InfrastructureError, MltestError

GPU_PROCESS, GPU_SHARED = "memory_gpu_process_bytes", "memory_gpu_shared_bytes"
WARM, COLD = 0, 1
"""Slice indexes of series: whether the artifact was in the page cache when its process began."""

_NONSENSE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading an answer raises that a model forged."""


class MemoryRun:
    """The memory of the candidates of one visit; a process that fails is a remark, and its candidate goes on."""

    def __init__(self, spec: VisitSpec, site: VisitSite, room: WorkerRoom, artifacts: Artifacts) -> None:
        self._spec = spec
        self._site = site
        self._room = room
        self._artifacts = artifacts
        self.remarks: dict[str, tuple[CallRemark, ...]] = {}
        """Why figures are absent, by candidate."""

    async def measure(self, candidate: VisitCandidate, memory: MemorySpec) -> list[SampleSeries]:
        """Return what the processes of a candidate took.

        Raises:
            InfrastructureError, OSError: the agent cannot go on.

        """
        series: list[SampleSeries] = []
        for place in (WARM, COLD) if memory.has_cold else (WARM,):
            try:
                series += await self._measured(candidate, memory, place)
            except InfrastructureError:
                raise
            except (MltestError, *_NONSENSE) as error:
                said = error.message if isinstance(error, MltestError) else f"its answer makes no sense ({error!r})"
                text = f"the process in which memory was to be measured failed: {said}"
                self._remark(candidate, absent_remark(DEPLOY_PEAK, text))
        return series

    async def _measured(self, candidate: VisitCandidate, memory: MemorySpec, place: int) -> list[SampleSeries]:
        source = self._artifacts.path(candidate)
        artifact, dataset = await self._room.bring(source), await self._room.bring(self._dataset)
        if place == COLD:
            await asyncio.to_thread(_leave_page_cache, source)
        shared_before = shared_gpu_bytes(self._site.root)
        python = self._site.environments.python_of(candidate.runtime)
        readable = [artifact, dataset]
        worker = await WorkerProcess.spawn(candidate, self._spec.limits, self._room, readable=readable, python=python)
        try:
            await worker.load(artifact, has_marks=True)
            answer = await worker.measure_memory(dataset, memory)
            gpu_bytes = process_gpu_bytes(self._site.root, (await self._room.own_time()).pids)
            shared = _gain(shared_before, shared_gpu_bytes(self._site.root))
        finally:
            await worker.kill()
        self._remark(candidate, *(absent_remark(metric, why) for metric, why in answer.absent.items()))
        further = {GPU_PROCESS: gpu_bytes, GPU_SHARED: shared}
        found = {metric: value for metric, value in further.items() if value is not None}
        return [
            *memory_series(answer, candidate.candidate_id, place),
            *(
                SampleSeries(
                    candidate_id=candidate.candidate_id,
                    metric=metric,
                    slice_index=place,
                    started_monotonic_ns=answer.started_monotonic_ns,
                    values=(value,),
                )
                for metric, value in found.items()
            ),
        ]

    @property
    def _dataset(self) -> Path:
        return self._site.store.path(self._spec.dataset_sha256)

    def _remark(self, candidate: VisitCandidate, *remarks: CallRemark) -> None:
        known = self.remarks.get(candidate.candidate_id, ())
        self.remarks[candidate.candidate_id] = tuple(dict.fromkeys((*known, *remarks)))


def _leave_page_cache(path: Path) -> None:
    """Take a file out of the page cache, as far as nobody maps it (posix_fadvise(2))."""
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _gain(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)
