"""The candidates of one visit: started one after the other, then measured in alternating slices, then ended.

Exactly one worker runs at any time; the others are stopped. While a slice runs, this process waits for its answer and
does nothing else: no polling, no logging, nothing sent.
"""

import asyncio
import os
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

from mltest.agent.host.equal_processors import equal_processors
from mltest.agent.host.machine_watch import MachineWatch
from mltest.agent.native.compiled_libraries import CompiledLibraries
from mltest.agent.probe.offer import NOT_OFFERED, is_offered
from mltest.agent.visit.artifacts import Artifacts
from mltest.agent.visit.loop_library import NO_LOOP, LoopLibrary, loop_for
from mltest.agent.visit.memory_run import MemoryRun
from mltest.agent.visit.sample_buffer import SampleBuffer
from mltest.agent.visit.slice_order import Cell, slice_order, sweep_processors
from mltest.agent.visit.slice_tally import SliceTally
from mltest.agent.visit.visit_log import VisitLog
from mltest.agent.visit.visit_notes import load_notes, weaker_walls
from mltest.agent.visit.visit_request import blobs_of
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.worker_process import WorkerProcess
from mltest.shared.domain import (
    CandidateEnded,
    LatencySpec,
    MachineState,
    OpenLoopSpec,
    Outcome,
    PredictionsStored,
    VisitCandidate,
    VisitSpec,
)
from mltest.shared.errors import (
    ChildCrashedError,
    InfrastructureError,
    MltestError,
    ModelRefusedError,
    RuntimeMissingError,
)
from mltest.shared.naming import clean_text
from mltest.shared.reference import REFERENCE_RUNTIME

PREDICTIONS = "predictions.npz"
"""What a worker calls its file."""
SETTLE_S = 0.1
"""How long measuring waits at most until what was appended to the journal has been sent."""


MAX_REASON_CHARS = 1000
"""Of what a model is said to have died of, which it may have written itself."""

_NONSENSE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading an answer raises that a model forged."""


class Block:
    """The candidates of one attempt; one that fails is reported, and the others go on."""

    def __init__(self, spec: VisitSpec, log: VisitLog, site: VisitSite, folder: Path) -> None:
        self._spec = spec
        self._log = log
        self._site = site
        self._room = site.launcher.room(folder)
        self._open = {candidate.candidate_id: candidate for candidate in spec.candidates}
        self._workers: dict[str, WorkerProcess] = {}
        self._row_texts: tuple[str, ...] = ()
        self._tally = SliceTally()
        self._watch = MachineWatch(site.root)
        self._loads = [os.getloadavg()[0]]
        self._loop = NO_LOOP
        self._artifacts = Artifacts(site.store, CompiledLibraries(site.compiled_folder))
        self._memory = MemoryRun(spec, site, self._room, self._artifacts)
        self._weaker: tuple[str, ...] = ()
        self.buffer = SampleBuffer(time.monotonic_ns())
        """Counts what was measured."""
        self.machine: MachineState | None = None
        """What the machine was like while slices ran; None if none did, or if they were not all done."""

    @property
    def measuring_ns(self) -> int:
        """Time inside timed slices so far."""
        return self._tally.measuring_ns

    async def run(self) -> None:
        """Take every candidate to its end.

        Raises:
            InfrastructureError, OSError: the agent cannot go on; nothing is said about the candidates by that.
            BlobCorruptError: the disk changed what was uploaded.
            ResourceLimitError: the journal is full.

        """
        await asyncio.to_thread(self._site.store.verify, blobs_of(self._spec))
        self._loop = await loop_for(self._spec.latency, self._site.loop_folder)
        await self._artifacts.compile_all(self._spec.candidates, self._log)
        await self._room.open()
        await self._measure_memory()
        for candidate in self._spec.candidates:
            await self._attempt(candidate, self._prepare(candidate))
            await self._flush()
        await self._measure()
        await self._answer_requests()
        self._loads.append(os.getloadavg()[0])
        for candidate in self._survivors():
            await self._attempt(candidate, self._finish(candidate))
        await self._flush()

    async def close(self, outcome: Outcome, error: MltestError | None) -> None:
        """Kill the workers that are left; keep what they measured; their candidates ended with `outcome`."""
        for worker in self._workers.values():
            await worker.kill()
        await self._room.close()
        if batch := self.buffer.take(time.monotonic_ns()):
            self._log.append(batch, needs_disk=False)
        for candidate in tuple(self._open.values()):
            self._end(candidate, outcome, error, needs_disk=False)

    def notes(self) -> tuple[str, ...]:
        """Return what makes the numbers less reliable."""
        return (
            *load_notes(self._loads, os.cpu_count() or 1),
            *self._row_texts,
            *self._tally.notes(),
            *self._weaker,
        )

    async def _measure_memory(self) -> None:
        """Measure memory while nobody else is alive: pages that processes share are divided among them."""
        if (memory := self._spec.memory) is None:
            return
        for candidate in self._spec.candidates:
            if candidate.runtime != REFERENCE_RUNTIME and self._refusal(candidate) is None:
                self._log.step(candidate.candidate_id, is_measuring=True)
                self.buffer.add(await self._memory.measure(candidate, memory))
                await self._flush()

    def _refusal(self, candidate: VisitCandidate) -> MltestError | None:
        """Return why a candidate must not be opened here."""
        if not is_offered(candidate.runtime, self._site.runtimes):
            return RuntimeMissingError(runtime=candidate.runtime, detail=NOT_OFFERED)
        if candidate.format == "pickle" and not self._site.allows_pickle:
            detail = f"agent {self._site.agent_name} opens no pickles; start it with mltest-agent serve --allow-pickle"
            return ModelRefusedError(detail=detail)
        return None

    async def _prepare(self, candidate: VisitCandidate) -> None:
        if refusal := self._refusal(candidate):
            raise refusal
        store, spec, room = self._site.store, self._spec, self._room
        artifact = await room.bring(self._artifacts.path(candidate))
        dataset = await room.bring(store.path(spec.dataset_sha256))
        loop = await self._brought_loop()
        readable = [artifact, dataset, *([loop.path] if loop.path else [])]
        self._log.step(candidate.candidate_id)
        await self._log.settle(0)
        python = self._site.environments.python_of(candidate.runtime)
        worker = await WorkerProcess.spawn(candidate, spec.limits, room, readable=readable, python=python)
        self._workers[candidate.candidate_id] = worker
        self.buffer.add(await worker.load(artifact, loop))
        self.buffer.add(self._artifacts.series(candidate, time.monotonic_ns()))
        self._weaker += weaker_walls(candidate.candidate_id, worker.walls, self._site.sandbox)
        await worker.read_rows(dataset, spec.latency)
        self.buffer.add(await worker.first_calls())
        await self._flush()
        if spec.collects_predictions:
            await self._store_predictions(candidate, worker)
        if spec.latency is not None:
            self._row_texts = tuple(remark.text for remark in worker.remarks)
            await self._warm_up(candidate, worker, spec.latency)

    async def _brought_loop(self) -> LoopLibrary:
        """Return the compiled loop where workers find it."""
        return replace(self._loop, path=await self._room.bring(self._loop.path)) if self._loop.path else self._loop

    async def _warm_up(self, candidate: VisitCandidate, worker: WorkerProcess, latency: LatencySpec) -> None:
        await worker.make_forms(latency)
        if self._spec.verifies_calls:
            self._log.append(await worker.verify())
        self.buffer.add(await worker.warm_up(latency.warmup_ns))
        await worker.count_threads()

    async def _store_predictions(self, candidate: VisitCandidate, worker: WorkerProcess) -> None:
        await worker.predict_to(worker.output(PREDICTIONS))
        with await worker.fetch(PREDICTIONS) as predictions:
            blob = await asyncio.to_thread(self._site.store.add, predictions)
        self._log.append(
            PredictionsStored(candidate_id=candidate.candidate_id, sha256=blob.sha256, size_bytes=blob.size_bytes)
        )

    async def _measure(self) -> None:
        latency, candidates = self._spec.latency, self._spec.candidates
        cells = self._cells()
        if latency is None or not cells:
            return
        self._log.step(candidates[0].candidate_id, is_measuring=True)
        await self._log.settle(0)
        own = await self._room.own_time()
        processors = sweep_processors(equal_processors(), latency.slice_count, self._spec.seed)
        self._watch.begin(own.pids, own.unseen_ticks)
        for slice_index, cell in slice_order(cells, latency.slice_count, self._spec.seed):
            candidate = candidates[cell.candidate_index]
            if candidate.candidate_id in self._workers:
                timing = self._slice(candidate, cell, slice_index, processors[slice_index], latency)
                await self._attempt(candidate, timing)
                if self.buffer.is_due(time.monotonic_ns()):
                    await self._flush()
        own = await self._room.own_time()
        self.machine = self._watch.end(own.pids, own.unseen_ticks)

    async def _answer_requests(self) -> None:
        """Let requests arrive by a schedule, which is the same for each candidate, one candidate at a time."""
        if self._spec.open_loop is not None:
            for candidate in self._survivors():
                if candidate.runtime == REFERENCE_RUNTIME:
                    continue
                await self._attempt(candidate, self._requests(candidate, self._spec.open_loop))
                await self._flush()

    async def _requests(self, candidate: VisitCandidate, spec: OpenLoopSpec) -> None:
        self._log.step(candidate.candidate_id, is_measuring=True)
        self.buffer.add(await self._workers[candidate.candidate_id].answer_requests(spec, self._spec.seed))

    def _cells(self) -> tuple[Cell, ...]:
        """Return what slices measure: each form of each candidate that got so far."""
        return tuple(
            Cell(index, metric, batch_size)
            for index, candidate in enumerate(self._spec.candidates)
            if (worker := self._workers.get(candidate.candidate_id)) is not None
            for metric, batch_size in worker.forms
        )

    async def _slice(
        self, candidate: VisitCandidate, cell: Cell, slice_index: int, processor: int, latency: LatencySpec
    ) -> None:
        worker = self._workers[candidate.candidate_id]
        self._log.step(candidate.candidate_id, is_measuring=True)
        timed = await worker.timed_slice(cell.metric, cell.batch_size, slice_index, processor, latency)
        self.buffer.add([replace(timed.series, is_throttled=self._watch.after_slice())])
        self._tally.add(timed)

    async def _finish(self, candidate: VisitCandidate) -> None:
        self.buffer.add(await self._workers[candidate.candidate_id].finish())
        await self._flush()
        self._end(candidate, Outcome.OK)

    async def _attempt(self, candidate: VisitCandidate, step: Awaitable[None]) -> None:
        try:
            await step
        except InfrastructureError:
            raise
        except MltestError as error:
            await self._fail(candidate, error)
        except _NONSENSE as error:
            await self._fail(candidate, ChildCrashedError(how=f"its answer makes no sense ({error!r})"))

    async def _fail(self, candidate: VisitCandidate, error: MltestError) -> None:
        if worker := self._workers.get(candidate.candidate_id):
            await worker.kill()
        await self._flush()
        self._end(candidate, Outcome.FAILED, error)

    def _end(
        self,
        candidate: VisitCandidate,
        outcome: Outcome,
        error: MltestError | None = None,
        *,
        needs_disk: bool = True,
    ) -> None:
        worker = self._workers.pop(candidate.candidate_id, None)
        del self._open[candidate.candidate_id]
        self._log.append(
            CandidateEnded(
                candidate_id=candidate.candidate_id,
                outcome=outcome,
                reason_code=error.code if error else "",
                reason=clean_text(error.message, MAX_REASON_CHARS) if error else "",
                remarks=(*self._memory.remarks.get(candidate.candidate_id, ()), *(worker.remarks if worker else ())),
                thread_count=worker.thread_count if worker else None,
            ),
            needs_disk=needs_disk,
        )

    async def _flush(self) -> None:
        if batch := self.buffer.take(time.monotonic_ns()):
            self._log.append(batch)
        await self._log.settle(SETTLE_S)

    def _survivors(self) -> tuple[VisitCandidate, ...]:
        return tuple(candidate for candidate in self._spec.candidates if candidate.candidate_id in self._workers)
