"""Watches the machine through one round of energy: who else used it, whether it was throttled, whether it slept."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from mltest.agent.host.processor_time import Load, ProcessorTime, load_between, read_processor_time
from mltest.agent.host.throttle_watch import ThrottleWatch
from mltest.agent.launch.role import OwnTime
from mltest.shared.domain import RoundState

_MAX_STEAL_RATIO = 0.01
"""Above it, a virtual machine does not know what its processors did."""


@dataclass(frozen=True, slots=True)
class _Begin:
    time: ProcessorTime | None
    monotonic_ns: int
    boot_ns: int
    throttle: ThrottleWatch


class RoundWatch:
    """Looks at both ends of a round, and never between them."""

    def __init__(self, root: Path, cpus: Collection[int]) -> None:
        self._root = root
        self._cpus = cpus
        self._begin: _Begin | None = None

    def begin(self, own: OwnTime) -> None:
        """Look before the first window."""
        throttle = ThrottleWatch(self._root, self._cpus)
        self._begin = _Begin(self._time(own), time.monotonic_ns(), _boot_ns(), throttle)

    def end(self, own: OwnTime, faults: tuple[str, ...] = ()) -> RoundState:
        """Return what it was like since `begin`.

        Raises:
            ValueError: nothing began.

        """
        if self._begin is None:
            raise ValueError("the watch has not begun")
        begin, self._begin = self._begin, None
        span_ns, boot_ns = time.monotonic_ns() - begin.monotonic_ns, _boot_ns() - begin.boot_ns
        now = self._time(own)
        load = load_between(begin.time, now)
        cores = _cores(begin.time, now, span_ns)
        return RoundState(
            foreign_cores=None if load is None else load.foreign_ratio * cores,
            is_throttled=begin.throttle.look_closely(),
            slept_ns=max(boot_ns - span_ns, 0),
            faults=(*faults, *_stolen(load)),
        )

    def _time(self, own: OwnTime) -> ProcessorTime | None:
        found = read_processor_time(self._root, self._cpus, {os.getpid(), *own.pids})
        return found and replace(found, own_ticks=found.own_ticks + own.unseen_ticks)


def _cores(before: ProcessorTime | None, after: ProcessorTime | None, span_ns: int) -> float:
    """Return how many processors the counted time is of."""
    if before is None or after is None or span_ns <= 0:
        return 0.0
    return (after.total_ticks - before.total_ticks) / os.sysconf("SC_CLK_TCK") / (span_ns / 1e9)


def _stolen(load: Load | None) -> tuple[str, ...]:
    if load is None or load.steal_ratio <= _MAX_STEAL_RATIO:
        return ()
    return (f"the hypervisor gave {load.steal_ratio:.1%} of the processors to others",)


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
