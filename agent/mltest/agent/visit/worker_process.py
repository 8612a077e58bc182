"""A worker as the agent sees it: what it is asked, and the sample series that it answers with."""

import os
import time
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

from mltest.agent.launch.role import WorkerRoom
from mltest.agent.visit.call_remarks import absent_remarks, row_remarks, warm_remarks
from mltest.agent.visit.loop_library import NO_LOOP, LoopLibrary
from mltest.agent.visit.memory_answer import MemoryAnswer, memory_from_frame
from mltest.agent.visit.thread_rule import check_threads
from mltest.agent.visit.worker_answers import (
    TimedSlice,
    count,
    number,
    requests_from_frame,
    threads_from_frame,
    timed_slice_from_frame,
    verified_from_frame,
    walls_from_frame,
)
from mltest.agent.visit.worker_variables import worker_variables
from mltest.agent.worker.candidate_frame import candidate_to_frame
from mltest.agent.worker.form import CONVERSION, NATIVE_CALL, PYTHON_CALL
from mltest.agent.worker.open_loop import overload_remark
from mltest.agent.worker.sample_frame import samples_from_frame
from mltest.shared.children.child import Child, ChildLimits, Confinement
from mltest.shared.children.child_side import WALLS
from mltest.shared.children.frames import Frame
from mltest.shared.domain import (
    CallRemark,
    CallsVerified,
    LatencySpec,
    Limits,
    MemorySpec,
    OpenLoopSpec,
    SampleSeries,
    VisitCandidate,
)
from mltest.shared.naming import clean_text
from mltest.shared.native.onnx_on_gpu import ON_GPU

NULL_SLICE_NS = 1_000_000
MAX_FILE_BYTES = 1 << 30
"""Of a file that a worker writes: its predictions, or what it prints."""
MAX_REASON_CHARS = 500

_MODULE = "mltest.agent.worker.worker"
_SLOWER = 4
"""Many calls in a row may take so many times longer than while warming up, and then the time for one command."""
_MORE_CPU_S = 60
"""Beside what a visit may take on every processor; its deadlines end a worker earlier, where anybody keeps them."""


class WorkerProcess:
    """One candidate in a process of its own; paused except while it is asked something."""

    def __init__(self, child: Child, candidate: VisitCandidate, limits: Limits, room: WorkerRoom) -> None:
        self._child = child
        self._room = room
        self.walls: tuple[str, ...] = ()
        """Which stand around it; known once it is loaded."""
        self._candidate = candidate
        self._limits = limits
        self.forms: list[tuple[str, int]] = []
        """Metric and batch size of each form of the call that can be timed."""
        self.call_ns: dict[tuple[str, int], int] = {}
        """Time of one call of each form, when it was warm."""
        self.remarks: list[CallRemark] = []
        """What a reader of the numbers has to know."""
        self.thread_count: int | None = None
        """Threads that worked while warming up; None before."""

    @classmethod
    async def spawn(
        cls,
        candidate: VisitCandidate,
        limits: Limits,
        room: WorkerRoom,
        *,
        readable: Sequence[Path],
        confinement: Confinement = Confinement.MODEL,
        python: Path | None = None,
    ) -> "WorkerProcess":
        """Start a fresh interpreter in `room`; numbers of threads are set before anything is imported.

        It is that of the agent, or `python`, which is that of the runtime's own environment.

        Of what else lies on its machine it sees its libraries and `readable`. Another `confinement` is for measuring
        what this one costs.
        """
        # Child starts interpreters isolated (-I), in which string hashes are random in each process.
        child_limits = ChildLimits(
            memory_bytes=limits.memory_bytes or default_memory_bytes(),
            file_bytes=MAX_FILE_BYTES,
            cpu_s=limits.visit_timeout_ns * (os.cpu_count() or 1) // 10**9 + _MORE_CPU_S,
            confinement=confinement,
            readable=tuple(map(str, readable)),
            uses_gpu=_needs_gpu(candidate),
        )
        variables = worker_variables(candidate.threads)
        child = await room.spawn(_MODULE, limits=child_limits, environment=variables, python=python)
        return cls(child, candidate, limits, room)

    def output(self, name: str) -> Path:
        """Return where this worker has to write its file `name`."""
        return self._room.output(self._child, name)

    async def fetch(self, name: str) -> BufferedReader:
        """Open a file that this worker wrote; errors as for `WorkerRoom.fetch`."""
        return await self._room.fetch(self._child, name)

    async def load(
        self, artifact: Path, loop: LoopLibrary = NO_LOOP, *, has_marks: bool = False
    ) -> tuple[SampleSeries, ...]:
        """Open the artifact; return what starting, importing and loading cost. Marks are for `measure_memory`."""
        await self._ask("hello", timeout_ns=self._limits.load_timeout_ns)
        spawn_ns = time.perf_counter_ns() - self._child.spawned_ns
        self.walls = walls_from_frame(await self._ask(WALLS))
        frame = {
            "candidate": candidate_to_frame(self._candidate),
            "artifact": str(artifact),
            "loop": str(loop.path or ""),
            "loop_absent": loop.reason,
            "has_marks": has_marks,
        }
        answer = await self._ask("load", frame, timeout_ns=self._limits.load_timeout_ns)
        loaded = [self._single(key, answer) for key in ("import_ns", "load_ns", "memory_loaded_bytes")]
        return (self._series("spawn_ns", self._child.spawned_ns, (spawn_ns,)), *loaded)

    async def read_rows(self, dataset: Path, latency: LatencySpec | None) -> None:
        """Read the dataset, of which `latency` says what is timed."""
        keeps_original = latency is not None and CONVERSION in latency.metrics
        answer = await self._ask("rows", {"dataset": str(dataset), "keeps_original": keeps_original})
        if latency is not None:
            keys = ("row_count", "distinct_row_count", "effective_row_count")
            self.remarks += row_remarks(*(count(answer, key) for key in keys))

    async def first_calls(self) -> tuple[SampleSeries, ...]:
        """Return the time of the first call and of those after it."""
        answer = await self._ask("first")
        values, started_ns = samples_from_frame(answer["values"]), number(answer, "started_monotonic_ns")
        return (
            self._series("first_call_ns", started_ns, values[:1]),
            self._series("early_call_ns", started_ns, values[1:]),
        )

    async def predict_to(self, path: Path) -> None:
        """Write the predictions for the whole dataset to `path`."""
        await self._ask("predict", {"path": str(path)})

    async def make_forms(self, latency: LatencySpec) -> None:
        """Make every form of the call that is asked for; one that is not there is a remark."""
        sizes = [size for size in latency.batch_sizes if size in (self._candidate.batch_sizes or latency.batch_sizes)]
        for metric in latency.metrics or (PYTHON_CALL,):
            reasons = {size: await self._make_form(metric, size) for size in sizes}
            self.forms += [(metric, size) for size in sizes if not reasons[size]]
            self.remarks += absent_remarks(metric, reasons)

    async def verify(self) -> CallsVerified:
        """Compare what each form answers with what the candidate predicts for the whole dataset."""
        limit_ns = self._limits.step_timeout_ns // 2
        calls = []
        for metric, size in self.forms:
            if metric != CONVERSION:
                answer = await self._ask("verify", {"metric": metric, "batch_size": size, "limit_ns": limit_ns})
                calls.append(verified_from_frame(answer, metric, size))
        return CallsVerified(candidate_id=self._candidate.candidate_id, calls=tuple(calls))

    async def warm_up(self, warmup_ns: int) -> tuple[SampleSeries, ...]:
        """Make the calls of every form steady; return what an empty call costs in the same loop."""
        answer = await self._ask("null", {"slice_ns": NULL_SLICE_NS})
        for metric, size in self.forms:
            warm = await self._ask("warm", {"metric": metric, "batch_size": size, "warmup_ns": warmup_ns})
            call_ns, together = number(warm, "call_ns"), count(warm, "calls_per_value")
            self.call_ns[metric, size] = max(call_ns, 1)
            self.remarks += warm_remarks(
                metric, size, call_ns=call_ns, is_steady=bool(warm["is_steady"]), calls_per_value=together
            )
        values = samples_from_frame(answer["values"])
        return (self._series("null_call_ns", number(answer, "started_monotonic_ns"), values),)

    async def count_threads(self) -> None:
        """Count the threads that worked; `ThreadsExceededError` if more did than the candidate declares."""
        found = threads_from_frame(await self._ask("threads"))
        self.thread_count = found.thread_count
        if _needs_gpu(self._candidate):
            # The threads of its driver are not the recipe's.
            return
        # A native call has a session of its own.
        session_count = 2 if any(metric == NATIVE_CALL for metric, _ in self.forms) else 1
        check_threads(self._candidate.threads, found, session_count)

    async def timed_slice(
        self, metric: str, batch_size: int, slice_index: int, processor: int, latency: LatencySpec
    ) -> TimedSlice:
        """Time calls of one form for one slice, which begins on `processor` if the candidate has one thread."""
        lengths = {"slice_ns": latency.slice_ns, "max_values": latency.slice_values}
        place = processor if self._candidate.threads == 1 else None
        frame = {"metric": metric, "batch_size": batch_size, "processor": place, **lengths}
        answer = await self._ask("slice", frame)
        return timed_slice_from_frame(answer, self._candidate.candidate_id, metric, batch_size, slice_index)

    async def answer_requests(self, spec: OpenLoopSpec, seed: int) -> tuple[SampleSeries, ...]:
        """Let requests of each rate arrive; return what became of them. An overloaded rate is a remark instead."""
        series: list[SampleSeries] = []
        for index, rate_per_s in enumerate(spec.rates_per_s):
            answer = await self._ask(
                "requests",
                {
                    "rate_per_s": rate_per_s,
                    "duration_ns": spec.duration_ns,
                    "batch_size": spec.batch_size,
                    "seed": seed,
                    "bound_ns": spec.duration_ns,
                },
                timeout_ns=2 * spec.duration_ns + self._limits.step_timeout_ns,
            )
            if answer["is_overloaded"]:
                self.remarks.append(overload_remark(rate_per_s, spec.batch_size, spec.duration_ns))
            else:
                series += requests_from_frame(answer, self._candidate.candidate_id, spec.batch_size, index)
        return tuple(series)

    async def measure_memory(self, dataset: Path, spec: MemorySpec) -> MemoryAnswer:
        """Let the worker, which was loaded with marks, answer rows of the dataset; return what memory that took."""
        frame = {"dataset": str(dataset), "batch_size": spec.batch_size, "call_count": spec.call_count}
        return memory_from_frame(await self._ask("memory", {**frame, "duration_ns": spec.duration_ns}))

    async def idle(self, duration_ns: int) -> None:
        """Let the worker wait, with its model loaded and all its threads free to run."""
        timeout_ns = duration_ns + self._limits.step_timeout_ns
        await self._ask("idle", {"duration_ns": duration_ns}, timeout_ns=timeout_ns)

    async def repeat(self, metric: str, batch_size: int, call_count: int) -> int:
        """Make exactly so many calls of a form; return what they took in ns, by the worker's clock."""
        expected_ns = _SLOWER * call_count * self.call_ns[metric, batch_size]
        frame = {"metric": metric, "batch_size": batch_size, "call_count": call_count}
        answer = await self._ask("calls", frame, timeout_ns=expected_ns + self._limits.step_timeout_ns)
        return number(answer, "calls_ns")

    async def finish(self) -> tuple[SampleSeries, ...]:
        """End the worker well; return how much memory it took at most."""
        answer = await self._ask("end")
        await self.kill()
        return (self._single("memory_peak_bytes", answer),)

    async def kill(self) -> None:
        """End the worker and everything that it started."""
        await self._child.kill()

    async def _make_form(self, metric: str, batch_size: int) -> str:
        """Return why there is no such form; "" if there is."""
        answer = await self._ask("form", {"metric": metric, "batch_size": batch_size})
        return clean_text(answer["absent"], MAX_REASON_CHARS)

    async def _ask(self, command: str, arguments: Frame | None = None, *, timeout_ns: int = 0) -> Frame:
        timeout_s = (timeout_ns or self._limits.step_timeout_ns) / 1e9
        what = f"{command} of candidate {self._candidate.candidate_id}"
        self._child.resume()
        answer = await self._child.request({"command": command, **(arguments or {})}, timeout_s=timeout_s, what=what)
        self._child.pause()
        return answer

    def _single(self, metric: str, answer: Frame) -> SampleSeries:
        return self._series(metric, number(answer, "started_monotonic_ns"), (number(answer, metric),))

    def _series(self, metric: str, started_monotonic_ns: int, values: tuple[int, ...]) -> SampleSeries:
        return SampleSeries(
            candidate_id=self._candidate.candidate_id,
            metric=metric,
            started_monotonic_ns=started_monotonic_ns,
            values=values,
        )


def _needs_gpu(candidate: VisitCandidate) -> bool:
    # The registry of runtimes is not for the agent's process: those from outside would be imported there.
    return candidate.runtime in ON_GPU


def default_memory_bytes() -> int:
    """Return 80 % of the installed memory: the limit of a worker for which none was asked."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 8 // 10
