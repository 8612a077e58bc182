"""A worker as the agent sees it: what it is asked, and the sample series that it answers with."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.worker.candidate_frame import candidate_to_frame
from mltest.agent.worker.sample_frame import samples_from_frame
from mltest.shared.child import Child, ChildLimits
from mltest.shared.domain import LatencySpec, Limits, SampleSeries, VisitCandidate
from mltest.shared.errors import ChildCrashedError, ResourceLimitError
from mltest.shared.frames import Frame

NULL_SLICE_NS = 1_000_000
MAX_FILE_BYTES = 1 << 30
"""Of a file that a worker writes: its predictions, or what it prints."""

_MODULE = "mltest.agent.worker.worker"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MEMORY_WORDS = re.compile(r"bad_alloc|MemoryError|[Oo]ut of memory|[Cc]annot allocate|memory allocation", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimedSlice:
    """One slice of one candidate."""

    series: SampleSeries
    measuring_ns: int
    """From the first timed call to the end of the last one."""
    is_clipped: bool
    """Whether it ended before its time, by its number of calls."""


class WorkerProcess:
    """One candidate in a process of its own; paused except while it is asked something."""

    def __init__(self, child: Child, candidate: VisitCandidate, limits: Limits) -> None:
        self._child = child
        self._candidate = candidate
        self._limits = limits
        self.row_count = 0
        """Rows of the dataset; known after `read_rows`."""

    @classmethod
    async def spawn(cls, candidate: VisitCandidate, limits: Limits, folder: Path) -> "WorkerProcess":
        """Start a fresh interpreter in `folder`; numbers of threads are set before anything is imported."""
        # Child starts interpreters isolated (-I), in which string hashes are random in each process.
        threads = dict.fromkeys(_THREAD_VARIABLES, str(candidate.threads))
        memory_bytes = limits.memory_bytes or default_memory_bytes()
        child_limits = ChildLimits(memory_bytes=memory_bytes, file_bytes=MAX_FILE_BYTES)
        child = await Child.spawn(_MODULE, folder=folder, limits=child_limits, environment=threads)
        return cls(child, candidate, limits)

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._child.pid

    async def load(self, artifact: Path) -> tuple[SampleSeries, ...]:
        """Open the artifact; return what starting, importing and loading cost."""
        await self._ask("hello", timeout_ns=self._limits.load_timeout_ns)
        spawn_ns = time.perf_counter_ns() - self._child.spawned_ns
        frame = {"candidate": candidate_to_frame(self._candidate), "artifact": str(artifact)}
        answer = await self._ask("load", frame, timeout_ns=self._limits.load_timeout_ns)
        loaded = [self._single(key, answer) for key in ("import_ns", "load_ns", "memory_loaded_bytes")]
        return (self._series("spawn_ns", self._child.spawned_ns, (spawn_ns,)), *loaded)

    async def read_rows(self, dataset: Path) -> None:
        """Read the dataset."""
        answer = await self._ask("rows", {"dataset": str(dataset)})
        self.row_count = _number(answer, "row_count")

    async def first_calls(self) -> tuple[SampleSeries, ...]:
        """Return the time of the first call and of those after it."""
        answer = await self._ask("first")
        values, started_ns = samples_from_frame(answer["values"]), _number(answer, "started_monotonic_ns")
        return (
            self._series("first_call_ns", started_ns, values[:1]),
            self._series("early_call_ns", started_ns, values[1:]),
        )

    async def predict_to(self, path: Path) -> None:
        """Write the predictions for the whole dataset to `path`."""
        await self._ask("predict", {"path": str(path)})

    async def warm_up(self, latency: LatencySpec) -> tuple[SampleSeries, ...]:
        """Make calls steady for every batch size; return what an empty call costs in the same loop."""
        answer = await self._ask("null", {"slice_ns": NULL_SLICE_NS})
        for batch_size in latency.batch_sizes:
            await self._ask("warm", {"batch_size": batch_size, "warmup_ns": latency.warmup_ns})
        values = samples_from_frame(answer["values"])
        return (self._series("null_call_ns", _number(answer, "started_monotonic_ns"), values),)

    async def timed_slice(self, batch_size: int, slice_index: int, slice_ns: int) -> TimedSlice:
        """Time calls for one slice."""
        answer = await self._ask("slice", {"batch_size": batch_size, "slice_ns": slice_ns})
        series = SampleSeries(
            candidate_id=self._candidate.candidate_id,
            metric="latency_ns",
            batch_size=batch_size,
            slice_index=slice_index,
            started_monotonic_ns=_number(answer, "started_monotonic_ns"),
            values=samples_from_frame(answer["values"]),
        )
        return TimedSlice(series, _number(answer, "measuring_ns"), is_clipped=bool(answer["is_clipped"]))

    async def finish(self) -> tuple[SampleSeries, ...]:
        """End the worker well; return how much memory it took at most."""
        answer = await self._ask("end")
        await self.kill()
        return (self._single("memory_peak_bytes", answer),)

    async def kill(self) -> None:
        """End the worker and everything that it started."""
        await self._child.kill()

    async def _ask(self, command: str, arguments: Frame | None = None, *, timeout_ns: int = 0) -> Frame:
        timeout_s = (timeout_ns or self._limits.step_timeout_ns) / 1e9
        what = f"{command} of candidate {self._candidate.candidate_id}"
        self._child.resume()
        try:
            answer = await self._child.request(
                {"command": command, **(arguments or {})}, timeout_s=timeout_s, what=what
            )
        except ChildCrashedError as error:
            if _MEMORY_WORDS.search(error.message):
                raise ResourceLimitError(what="memory", detail=error.message) from error
            raise
        self._child.pause()
        return answer

    def _single(self, metric: str, answer: Frame) -> SampleSeries:
        return self._series(metric, _number(answer, "started_monotonic_ns"), (_number(answer, metric),))

    def _series(self, metric: str, started_monotonic_ns: int, values: tuple[int, ...]) -> SampleSeries:
        return SampleSeries(
            candidate_id=self._candidate.candidate_id,
            metric=metric,
            started_monotonic_ns=started_monotonic_ns,
            values=values,
        )


def _number(answer: Frame, key: str) -> int:
    value = answer[key]
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{key} is not a number")
    return value


def default_memory_bytes() -> int:
    """Return 80 % of the installed memory: the limit of a worker for which none was asked."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 8 // 10
