"""A visit that measures energy: each candidate alone on the machine, in random order, between two looks at idle power.

No two workers are alive at the same time. While a window lasts this process does nothing but read meters.
"""

import asyncio
import os
import random
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mltest.agent.meters.role import Unavailable
from mltest.agent.meters.visit_meters import chosen_meters
from mltest.agent.visit.block import Block
from mltest.agent.visit.meter_bench import MeterBench
from mltest.agent.visit.round_watch import RoundWatch
from mltest.agent.visit.sample_buffer import SampleBuffer
from mltest.agent.visit.visit_log import VisitLog
from mltest.agent.visit.visit_request import MAX_ENERGY_CALLS, blobs_of
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.window_plan import call_count_of, longest_base_s, longest_settling_s, wanted_boundaries
from mltest.agent.visit.worker_process import WorkerProcess
from mltest.agent.worker.form import PYTHON_CALL
from mltest.shared.domain import (
    EnergyAbsent,
    EnergyRecorded,
    EnergySpec,
    EnergyWindow,
    EnergyWindowKind,
    LatencySpec,
    Outcome,
    RoundState,
    SampleSeries,
    VisitCandidate,
    VisitSpec,
)
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.recorded import recorded_idle, recorded_round
from mltest.shared.errors import MeterUnreadableError, MltestError

_TRIES = 2
"""A round that is not sound is measured once more, and both are kept."""


class EnergyBlock(Block):
    """The candidates of one attempt, for one round of energy."""

    def __init__(self, spec: VisitSpec, log: VisitLog, site: VisitSite, folder: Path) -> None:
        super().__init__(spec, log, site, folder)
        assert spec.energy is not None
        self._energy: EnergySpec = spec.energy
        self._bench = MeterBench(())
        self.buffer = _Unsent(time.monotonic_ns())

    async def run(self) -> None:
        """Take every candidate to its end; errors as of `Block.run`."""
        await asyncio.to_thread(self._site.store.verify, blobs_of(self._spec))
        await self._artifacts.compile_all(self._spec.candidates, self._log)
        await self._room.open()
        try:
            await self._open_meters()
            await self._measure_idle()
            await self._measure_all()
        except MeterUnreadableError as error:
            self._log.append(EnergyAbsent(meter=str(error.facts.get("meter", "")), reason=error.message))
        for worker in self._workers.values():
            await worker.kill()
        for candidate in tuple(self._open.values()):
            self._end(candidate, Outcome.OK)
        await self._log.settle(0)

    async def close(self, outcome: Outcome, error: MltestError | None) -> None:
        """Let go of the meters, then as `Block.close`."""
        self._bench.close()
        await super().close(outcome, error)

    async def _open_meters(self) -> None:
        site, energy = self._site, self._energy
        chosen = await asyncio.to_thread(
            chosen_meters, site.meter_site, energy.meters, energy.boundary, site.state_folder
        )
        if not chosen.meters:
            self._tell_absent(chosen.absent)
            return
        self._bench = MeterBench(chosen.meters)
        await asyncio.to_thread(self._bench.open)

    def _tell_absent(self, absent: Iterable[Unavailable]) -> None:
        reasons = tuple(absent) or (Unavailable(meter="", reason="there is no meter"),)
        for one in reasons:
            self._log.append(EnergyAbsent(meter=one.meter, reason=one.reason, remedy=one.remedy))

    async def _measure_idle(self) -> None:
        """Look at the machine while only the agent is there; once more if somebody else was."""
        for try_index in range(_TRIES if self._specs else 0):
            await asyncio.sleep(longest_settling_s(self._specs, self._energy))
            watch = await self._begun_watch()
            window, _ = await self._bench.window(EnergyWindowKind.IDLE, lambda: asyncio.sleep(self._base_s))
            state = await self._ended_watch(watch)
            found = [self._taken(spec, [window], state, try_index) for spec in self._specs]
            for one in found:
                self._log.append(one)
            await self._log.settle(0)
            if all(self._is_sound(spec, one, is_idle=True) for spec, one in zip(self._specs, found, strict=True)):
                return

    async def _measure_all(self) -> None:
        if not self._specs:
            return
        order = list(self._spec.candidates)
        random.Random(self._spec.seed).shuffle(order)
        for candidate in order:
            await self._attempt(candidate, self._measure_one(candidate))

    async def _measure_one(self, candidate: VisitCandidate) -> None:
        worker = await self._loaded(candidate)
        timing = LatencySpec(
            batch_sizes=self._energy.batch_sizes, slice_count=1, slice_ns=1, warmup_ns=self._energy.warmup_ns
        )
        await worker.make_forms(timing)
        await worker.warm_up(self._energy.warmup_ns)
        for _, batch_size in worker.forms:
            count = await self._call_count(candidate, worker, batch_size)
            await self._measure_calls(candidate, worker, batch_size, count)
        await worker.finish()
        self._end(candidate, Outcome.OK)

    async def _call_count(self, candidate: VisitCandidate, worker: WorkerProcess, batch_size: int) -> int:
        """Return what the coordinator fixed, or what a first look says."""
        fixed = {one.batch_size: one.call_count for one in candidate.energy_calls}
        if batch_size in fixed:
            return fixed[batch_size]
        call_ns = worker.call_ns[PYTHON_CALL, batch_size]
        count = max(1, round(self._base_s * 1e9 / call_ns))
        await self._settle(worker)
        before = await self._idle_window(EnergyWindowKind.BEFORE, worker)
        load, _ = await self._load_window(worker, batch_size, count)
        latency_s = (load.end_ns - load.begin_ns) / 1e9 / count
        pilots = [(spec, self._bench.taken(spec, [before, load])) for spec in self._specs]
        return min(call_count_of(pilots, self._energy, latency_s), MAX_ENERGY_CALLS)

    async def _measure_calls(
        self, candidate: VisitCandidate, worker: WorkerProcess, batch_size: int, call_count: int
    ) -> None:
        for try_index in range(_TRIES):
            self._log.step(candidate.candidate_id, is_measuring=True)
            await self._log.settle(0)
            watch = await self._begun_watch()
            windows, calls_ns = await self._windows(worker, batch_size, call_count)
            state = await self._ended_watch(watch)
            taken = (self._taken(spec, windows, state, try_index) for spec in self._specs)
            found = [
                replace(
                    one,
                    candidate_id=candidate.candidate_id,
                    batch_size=batch_size,
                    call_count=call_count,
                    calls_ns=calls_ns,
                )
                for one in taken
            ]
            for one in found:
                self._log.append(one)
            if all(self._is_sound(spec, one) for spec, one in zip(self._specs, found, strict=True)):
                return

    async def _windows(self, worker: WorkerProcess, batch_size: int, call_count: int) -> tuple[list[EnergyWindow], int]:
        """Return idle, load and idle, and what the worker says the calls took."""
        await self._settle(worker)
        before = await self._idle_window(EnergyWindowKind.BEFORE, worker)
        load, calls_ns = await self._load_window(worker, batch_size, call_count)
        await self._settle(worker)
        after = await self._idle_window(EnergyWindowKind.AFTER, worker)
        return [before, load, after], calls_ns

    async def _load_window(self, worker: WorkerProcess, batch_size: int, call_count: int) -> tuple[EnergyWindow, int]:
        return await self._bench.window(
            EnergyWindowKind.LOAD, lambda: worker.repeat(PYTHON_CALL, batch_size, call_count)
        )

    async def _settle(self, worker: WorkerProcess) -> None:
        """Wait until no meter shows anything of the last load."""
        await worker.idle(round(longest_settling_s(self._specs, self._energy) * 1e9))

    async def _idle_window(self, kind: EnergyWindowKind, worker: WorkerProcess) -> EnergyWindow:
        window, _ = await self._bench.window(kind, lambda: worker.idle(round(self._base_s * 1e9)))
        return window

    async def _begun_watch(self) -> RoundWatch:
        watch = RoundWatch(self._site.root, os.sched_getaffinity(0))
        watch.begin(await self._room.own_time())
        return watch

    async def _ended_watch(self, watch: RoundWatch) -> RoundState:
        return watch.end(await self._room.own_time())

    def _taken(self, spec: MeterSpec, windows: list[EnergyWindow], state: RoundState, try_index: int) -> EnergyRecorded:
        found = replace(self._bench.taken(spec, windows), state=state, try_index=try_index)
        self.buffer.value_count += len(found.begin_ns)
        return found

    def _is_sound(self, spec: MeterSpec, recorded: EnergyRecorded, *, is_idle: bool = False) -> bool:
        """Return whether some joules can be had at every boundary that was asked for."""
        for boundary in wanted_boundaries(spec, self._energy):
            found = recorded_idle(recorded, boundary) if is_idle else recorded_round(recorded, boundary, 0)
            if isinstance(found, Absent):
                return False
        return True

    @property
    def _specs(self) -> tuple[MeterSpec, ...]:
        return self._bench.specs

    @property
    def _base_s(self) -> float:
        return longest_base_s(self._specs, self._energy)


class _Unsent(SampleBuffer):
    """Times of these processes are of another kind than those of visits that measure them, and are not sent."""

    def add(self, series: Iterable[SampleSeries]) -> None:
        """Forget them."""
