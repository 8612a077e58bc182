"""Watches the machine while slices run, and says how far their numbers can be believed."""

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mltest.agent.host.canary import Canary, prepared_canary, robust_cv_ratio
from mltest.agent.host.machine_class import machine_class
from mltest.agent.host.processor_time import Load, ProcessorTime, load_between, read_processor_time
from mltest.agent.host.settings import read_settings
from mltest.agent.host.temperature import read_temperature_celsius
from mltest.agent.host.throttle_watch import AFFORDABLE_NS, ThrottleWatch
from mltest.agent.host.visit_watch import VisitWatch
from mltest.shared.domain import MachineState


@dataclass(slots=True)
class _Span:
    canary: Canary
    works_ns: Sequence[int]
    time: ProcessorTime | None
    throttle: ThrottleWatch
    started_s: float
    start_celsius: float | None
    throttled_count: int = 0


class MachineWatch:
    """Reads what there is: what a machine does not tell is absent, and never fatal.

    Make it when a visit begins: what its kernel counts by itself is compared with then.

    Args:
        root: where the machine's file system starts.
        cpus: the processors whose time counts; by default those that this process may use.
        own_pid: this process; its time and that of its descendants is not foreign.
        prepare_canary: makes the fixed piece of work.
        affordable_ns: what one look behind a slice may cost.

    """

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        cpus: Collection[int] | None = None,
        own_pid: int | None = None,
        prepare_canary: Callable[[], Canary] = prepared_canary,
        affordable_ns: int = AFFORDABLE_NS,
    ) -> None:
        self._root = root
        self._cpus = frozenset(os.sched_getaffinity(0) if cpus is None else cpus)
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._prepare_canary = prepare_canary
        self._affordable_ns = affordable_ns
        self._span: _Span | None = None
        self._visit = VisitWatch(root, self._cpus, self._own_pid)

    def begin(self, pids: Collection[int], unseen_ticks: int = 0) -> None:
        """Run the canary, which blocks for up to 60 ms, and read the counters; call it right before the slices.

        `pids` are the workers that are alive and can be seen from here; those that cannot have used `unseen_ticks`
        since they started.
        """
        canary = self._prepare_canary()
        works_ns = canary()
        throttle = ThrottleWatch(self._root, self._cpus, self._affordable_ns)
        start = (time.monotonic(), read_temperature_celsius(self._root))
        self._span = _Span(canary, works_ns, self._time(pids, unseen_ticks), throttle, *start)

    def after_slice(self) -> bool:
        """Return whether the machine was throttled since the last call, and count it; costs less than 100 µs."""
        if self._span is None or not self._span.throttle.look():
            return False
        self._span.throttled_count += 1
        return True

    def end(self, pids: Collection[int], unseen_ticks: int = 0) -> MachineState:
        """Return what the machine was like since `begin`; workers that are still alive as there.

        A worker that has ended and was waited for counts in the time of this process.

        Raises:
            ValueError: nothing began.

        """
        if self._span is None:
            raise ValueError("the watch has not begun")
        span, self._span = self._span, None
        load = load_between(span.time, self._time(pids, unseen_ticks))
        span.throttle.look_closely()
        watched_s = time.monotonic() - span.started_s
        state = self._state(span, load, robust_cv_ratio((*span.works_ns, *span.canary())))
        return self._visit.completed(replace(state, watched_s=watched_s), pids)

    def _time(self, pids: Collection[int], unseen_ticks: int) -> ProcessorTime | None:
        time = read_processor_time(self._root, self._cpus, {self._own_pid, *pids})
        return time and replace(time, own_ticks=time.own_ticks + unseen_ticks)

    def _state(self, span: _Span, load: Load | None, cv_ratio: float | None) -> MachineState:
        clocks_hz = span.throttle.clocks_hz
        return MachineState(
            machine_class=machine_class(
                foreign_ratio=load.foreign_ratio if load else None,
                steal_ratio=load.steal_ratio if load else None,
                canary_cv_ratio=cv_ratio,
            ),
            foreign_load_ratio=load.foreign_ratio if load else 0.0,
            steal_ratio=load.steal_ratio if load else 0.0,
            canary_cv_ratio=cv_ratio or 0.0,
            throttled_slice_count=span.throttled_count,
            temperature_celsius=read_temperature_celsius(self._root),
            temperature_start_celsius=span.start_celsius,
            throttle_causes=tuple(span.throttle.causes),
            frequency_min_hz=min(clocks_hz, default=None),
            frequency_max_hz=max(clocks_hz, default=None),
            settings=read_settings(self._root, self._cpus) | ({} if load else {"load": "cannot be read"}),
        )
