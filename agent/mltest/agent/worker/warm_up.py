"""Warming up: calls until they are steady, within bounds; the calls and the clock are passed in.

First calls load, compile and allocate. It goes on in stages of the wanted length: when the medians of the three thirds
of a stage agree, the calls are steady; when the time for that is over they are timed all the same, and marked.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mltest.agent.worker.form import WarmUp

if TYPE_CHECKING:
    from mltest.agent.worker.timing import Call

CALLS = 100
CALLS_OF_SLOW = 3
SLOW_NS = 100_000_000
"""Of a call as slow as this, or as the whole of a shorter warm-up, few are enough."""
STAGE_LIMIT_NS = 30_000_000_000
"""No stage takes longer than this and one call."""
TOLERANCE = 0.05
"""How far apart, relatively, the medians of steady thirds are at most."""
EXTENSIONS = 10
EXTENSION_LIMIT_NS = 10_000_000_000
"""Unsteady calls go on for ten times the wanted length, but not for longer than this."""
KEPT_TIMES = 3_000
"""Of one stage at most; of more calls, every second, fourth ... is kept."""

Clock = Callable[[], int]


def warmed(call: "Call", warmup_ns: int, clock: Clock = time.perf_counter_ns) -> WarmUp:
    """Make untimed calls for at least `warmup_ns`, and at least 100 (of slow ones 3), until they are steady."""
    limit_ns = clock() + min(EXTENSIONS * warmup_ns, EXTENSION_LIMIT_NS)
    while True:
        medians = _thirds(_stage(call, warmup_ns, clock))
        is_steady = len(medians) > 1 and max(medians) <= min(medians) * (1 + TOLERANCE)
        if is_steady or clock() >= limit_ns:
            return WarmUp(call_ns=float(medians[-1]), is_steady=is_steady)


def _stage(call: "Call", warmup_ns: int, clock: Clock) -> list[int]:
    """Return the times of one stage, thinned out evenly."""
    times: list[int] = []
    calls, distance = 0, 1
    slow_ns = min(SLOW_NS, warmup_ns)
    started_ns = clock()
    while True:
        begin_ns = clock()
        call()
        end_ns = clock()
        if calls % distance == 0:
            times.append(end_ns - begin_ns)
            if len(times) == KEPT_TIMES:
                del times[1::2]
                distance *= 2
        calls += 1
        elapsed_ns = end_ns - started_ns
        wanted = CALLS if elapsed_ns < calls * slow_ns else CALLS_OF_SLOW
        if (elapsed_ns >= warmup_ns and calls >= wanted) or elapsed_ns >= STAGE_LIMIT_NS:
            return times


def _thirds(times: Sequence[int]) -> list[int]:
    """Return the medians of the three thirds of `times`; the one of all if there are fewer than three."""
    size = len(times) // 3
    if not size:
        return [_median(times)]
    return [_median(times[len(times) - size * part :][:size]) for part in (3, 2, 1)]


def _median(times: Sequence[int]) -> int:
    # The statistics module would take a megabyte of the memory that is measured here.
    return sorted(times)[len(times) // 2]
