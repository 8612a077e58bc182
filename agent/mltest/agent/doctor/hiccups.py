"""The hiccup meter."""

import time
from collections.abc import Callable, Iterable

from mltest.agent.doctor.readings import Hiccups

THRESHOLD_NS = 10_000
"""A tick of the kernel takes less; being replaced by another process takes more."""
_STRETCH_NS = 100_000_000


def measured_hiccups(span_ns: int, between: Callable[[], object]) -> Hiccups:
    """Return the gaps in a loop of `span_ns`; `between` is called every 0.1 s, outside of what is counted."""
    gaps_ns: list[int] = []
    spent_ns = 0
    while spent_ns < span_ns:
        spent_ns += _spin(min(_STRETCH_NS, span_ns - spent_ns), gaps_ns)
        between()
    return hiccups_of(gaps_ns, spent_ns)


def hiccups_of(gaps_ns: Iterable[int], span_ns: int) -> Hiccups:
    """Return the figures of gaps, each above the threshold."""
    gaps = list(gaps_ns)
    return Hiccups(
        span_ns=span_ns,
        threshold_ns=THRESHOLD_NS,
        count=len(gaps),
        largest_ns=max(gaps, default=0),
        lost_ns=sum(gaps),
    )


def _spin(span_ns: int, gaps_ns: list[int]) -> int:
    clock, keep, threshold_ns = time.perf_counter_ns, gaps_ns.append, THRESHOLD_NS
    begin_ns = last_ns = clock()
    deadline_ns = begin_ns + span_ns
    while last_ns < deadline_ns:
        now_ns = clock()
        if now_ns - last_ns > threshold_ns:
            keep(now_ns - last_ns)
        last_ns = now_ns
    return last_ns - begin_ns
