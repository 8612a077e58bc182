"""The loops that time calls; imported in workers only. Inside them there is no I/O, no logging and no collection.

Single calls are timed, because loops of several carry every preemption of a shared machine. Figures of what the loop
itself costs are measured as null calls and kept beside the samples.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Batch = NDArray[np.floating]

MAX_CALLS_PER_SLICE = 200_000
"""Keeps one series far below the size of a message."""
SETTLE_CALLS = 20
SETTLE_NS = 1_000_000
"""Before a slice: untimed calls until either of the two is reached, and at least one."""
WARM_CALLS = 100
WARM_CALLS_OF_SLOW = 3
WARM_STRETCH = 5
"""Warming up wants WARM_CALLS; one that takes this many times the wanted time ends after WARM_CALLS_OF_SLOW."""

Predict = Callable[["Batch"], object]


@dataclass(frozen=True, slots=True)
class TimedCalls:
    """What one slice measured."""

    started_monotonic_ns: int
    values_ns: list[int]
    measuring_ns: int
    """From the first call to the end of the last one."""
    is_clipped: bool
    """Whether it ended before its time, by its number of calls."""


class Walk:
    """Goes through batches in a circle, slice after slice, so that distinct rows are used."""

    def __init__(self, batches: Sequence["Batch"]) -> None:
        self._batches = batches
        self._position = 0

    def warm(self, predict: Predict, warmup_ns: int) -> None:
        """Call untimed for at least `warmup_ns`, and for at least as many calls as their duration allows."""
        started_ns = time.perf_counter_ns()
        calls = 0
        while True:
            self._call(predict)
            calls += 1
            elapsed_ns = time.perf_counter_ns() - started_ns
            wanted = WARM_CALLS if elapsed_ns < WARM_STRETCH * warmup_ns else WARM_CALLS_OF_SLOW
            if elapsed_ns >= warmup_ns and calls >= wanted:
                return

    def timed(self, predict: Predict, slice_ns: int, max_calls: int = MAX_CALLS_PER_SLICE) -> TimedCalls:
        """Call untimed until the caches are back, then time single calls for `slice_ns`; at least one."""
        self._settle(predict)
        batches, count, position = self._batches, len(self._batches), self._position
        values_ns: list[int] = []
        keep, clock = values_ns.append, time.perf_counter_ns
        started_monotonic_ns = time.monotonic_ns()
        started_ns = clock()
        deadline_ns = started_ns + slice_ns
        for _ in range(max_calls):
            batch = batches[position]
            begin_ns = clock()
            predict(batch)
            end_ns = clock()
            keep(end_ns - begin_ns)
            position += 1
            if position == count:
                position = 0
            if end_ns >= deadline_ns:
                break
        self._position = position
        return TimedCalls(started_monotonic_ns, values_ns, end_ns - started_ns, is_clipped=end_ns < deadline_ns)

    def _settle(self, predict: Predict) -> None:
        deadline_ns = time.perf_counter_ns() + SETTLE_NS
        for _ in range(SETTLE_CALLS):
            self._call(predict)
            if time.perf_counter_ns() >= deadline_ns:
                return

    def _call(self, predict: Predict) -> None:
        predict(self._batches[self._position])
        self._position = (self._position + 1) % len(self._batches)


def null_calls(batches: Sequence["Batch"], slice_ns: int) -> TimedCalls:
    """Time calls of a function that does nothing, in the same loop: what the harness itself costs."""
    return Walk(batches).timed(_nothing, slice_ns, max_calls=1000)


def _nothing(batch: "Batch") -> object:
    return batch
