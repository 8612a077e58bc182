"""Watches the signs of throttling and the clocks while slices run, as cheaply as it can."""

import time
from collections.abc import Collection
from pathlib import Path

from mltest.agent.host.clock_rate import ClockPaths, cpuinfo_clocks, find_clocks, is_clock_throttled, read_clocks
from mltest.agent.host.throttling import Sign, SignKind, causes_between, find_signs

LOW_CLOCK = "a clock below 75 % of the base clock"
AFFORDABLE_NS = 60_000
"""What one look may cost; signs and clocks that would cost more are read at both ends only."""


class ThrottleWatch:
    """Looks at what this machine has; that is found out once, at the start."""

    def __init__(self, root: Path, cpus: Collection[int], affordable_ns: int = AFFORDABLE_NS) -> None:
        self._root = root
        self._clock_paths = find_clocks(root, cpus)
        self._signs = find_signs(root)
        self._seen = {sign: sign.read() for sign in self._signs}
        self.clocks_hz: tuple[float, ...] = ()
        """Lowest and highest that were seen, as two values; empty where none can be read."""
        self._see(read_clocks(self._clock_paths) or cpuinfo_clocks(root))
        self.causes: frozenset[str] = frozenset()
        """Why the machine was throttled, in any look so far."""
        self._cheap_signs, self._cheap_clocks = _affordable(self._signs, self._clock_paths, affordable_ns)

    def look(self) -> bool:
        """Return whether the machine was throttled since the last look, by the signs that are cheap to read."""
        return self._look(self._cheap_signs, self._cheap_clocks)

    def look_closely(self) -> bool:
        """Return the same by all signs and clocks."""
        self._see(cpuinfo_clocks(self._root) if not self._clock_paths.current else ())
        return self._look(self._signs, self._clock_paths)

    def _look(self, signs: tuple[Sign, ...], paths: ClockPaths) -> bool:
        clocks_hz = read_clocks(paths)
        self._see(clocks_hz)
        causes = frozenset({LOW_CLOCK} if is_clock_throttled(clocks_hz, paths.nominal_hz) else ())
        for sign in signs:
            now = sign.read()
            causes |= causes_between(sign, self._seen[sign], now)
            self._seen[sign] = now
        self.causes |= causes
        return bool(causes)

    def _see(self, clocks_hz: tuple[float, ...]) -> None:
        if seen := (*self.clocks_hz, *clocks_hz):
            self.clocks_hz = (min(seen), max(seen))


def _affordable(signs: tuple[Sign, ...], paths: ClockPaths, affordable_ns: int) -> tuple[tuple[Sign, ...], ClockPaths]:
    """Return the signs, in their order, and the clocks (all or none) that can be read in `affordable_ns`.

    Some kernels wait up to 20 ms for a clock (arch/x86/kernel/cpu/aperfmperf.c before 5.18). No program is started.
    """
    left_ns = affordable_ns
    chosen: list[Sign] = []
    for sign in (one for one in signs if one.kind is not SignKind.RASPBERRY_PI_PROGRAM):
        left_ns -= _cost_ns(sign)
        if left_ns < 0:
            return tuple(chosen), ClockPaths((), None)
        chosen.append(sign)
    return tuple(chosen), paths if _cost_ns(paths) <= left_ns else ClockPaths((), None)


def _cost_ns(what: Sign | ClockPaths) -> int:
    costs_ns = []
    for _ in range(3):
        begin_ns = time.perf_counter_ns()
        _ = what.read() if isinstance(what, Sign) else read_clocks(what)
        costs_ns.append(time.perf_counter_ns() - begin_ns)
    return min(costs_ns)
