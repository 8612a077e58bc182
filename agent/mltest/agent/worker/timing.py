"""The loops that time calls; imported in workers only. Inside them there is no I/O, no logging and no collection.

Single calls are timed, because loops of several carry every preemption of a shared machine; only calls that are too
short for that are timed together. Figures of what the loop itself costs are measured as null calls and kept beside the
samples.
"""

import resource
import time
from collections.abc import Callable, Sequence
from functools import partial

from mltest.agent.worker.form import TimedCalls, WarmUp
from mltest.agent.worker.spread import Spread
from mltest.agent.worker.warm_up import warmed

SETTLE_CALLS = 20
SETTLE_NS = 1_000_000
"""Before a slice: untimed calls until either of the two is reached, and at least one."""
NULL_VALUES = 1000

Call = Callable[[], object]
"""A call with its batch bound to it."""


class Walk:
    """Goes through calls in a circle, slice after slice, so that distinct rows are used."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._position = 0

    def warm(self, warmup_ns: int) -> WarmUp:
        """Call untimed until the calls are steady, or the time for that is over."""
        return warmed(self._call, warmup_ns)

    def timed(self, slice_ns: int, spread: Spread) -> TimedCalls:
        """Call untimed until the caches are back, then time calls for `slice_ns`; at least one."""
        self._settle()
        values_ns: list[int] = []
        loop = self._time_single if spread.calls_per_value == 1 else self._time_together
        faults = _minor_faults()
        started_monotonic_ns, started_ns = time.monotonic_ns(), time.perf_counter_ns()
        deadline_ns = started_ns + slice_ns
        end_ns = loop(values_ns, deadline_ns, spread)
        return TimedCalls(
            started_monotonic_ns=started_monotonic_ns,
            values_ns=values_ns,
            measuring_ns=end_ns - started_ns,
            calls_per_value=spread.calls_per_value,
            minor_faults=_minor_faults() - faults,
            is_clipped=end_ns < deadline_ns,
        )

    def repeated(self, call_count: int) -> int:
        """Make exactly so many calls, none of them timed; return what all of them took in ns."""
        calls, count, position = self._calls, len(self._calls), self._position
        started_ns = time.perf_counter_ns()
        for _ in range(call_count):
            calls[position]()
            position += 1
            if position == count:
                position = 0
        ended_ns = time.perf_counter_ns()
        self._position = position
        return ended_ns - started_ns

    def _time_single(self, values_ns: list[int], deadline_ns: int, spread: Spread) -> int:
        """Time single calls; return when the last one ended."""
        calls, count, position, untimed = self._calls, len(self._calls), self._position, spread.untimed_calls
        keep, clock, fewest = values_ns.append, time.perf_counter_ns, spread.min_values
        end_ns = 0
        for _ in range(spread.max_values):
            call = calls[position]
            begin_ns = clock()
            call()
            end_ns = clock()
            keep(end_ns - begin_ns)
            position += 1
            if position == count:
                position = 0
            if end_ns >= deadline_ns and len(values_ns) >= fewest:
                break
            for _ in range(untimed):
                calls[position]()
                position += 1
                if position == count:
                    position = 0
        self._position = position
        return end_ns

    def _time_together(self, values_ns: list[int], deadline_ns: int, spread: Spread) -> int:
        """Time several calls together; return when the last one ended."""
        clock, end_ns = time.perf_counter_ns, 0
        for _ in range(spread.max_values):
            group = self._next(spread.calls_per_value)
            begin_ns = clock()
            for call in group:
                call()
            end_ns = clock()
            values_ns.append(end_ns - begin_ns)
            if end_ns >= deadline_ns:
                break
            for call in self._next(spread.untimed_calls):
                call()
        return end_ns

    def _next(self, count: int) -> list[Call]:
        """Return the next `count` calls, and go on behind them."""
        first, total = self._position, len(self._calls)
        self._position = (first + count) % total
        found = list(self._calls[first : first + count])
        while len(found) < count:
            found += self._calls[: count - len(found)]
        return found

    def _settle(self) -> None:
        deadline_ns = time.perf_counter_ns() + SETTLE_NS
        for _ in range(SETTLE_CALLS):
            self._call()
            if time.perf_counter_ns() >= deadline_ns:
                return

    def _call(self) -> None:
        self._calls[self._position]()
        self._position = (self._position + 1) % len(self._calls)


def null_calls(slice_ns: int) -> TimedCalls:
    """Time calls of a function that does nothing, in the same loop: what the harness itself costs."""
    spread = Spread(calls_per_value=1, untimed_calls=0, max_values=NULL_VALUES)
    return Walk([partial(_nothing, None)]).timed(slice_ns, spread)


def _nothing(batch: object) -> object:
    return batch


def _minor_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
