"""Requests that are sent by a schedule, whether or not the one before was answered in time; one server, no drops.

Latency counts from the scheduled time. A loop that sends the next request when the last was answered waits while the
server stalls, and so leaves out the very requests that would have waited: it reports 2.8 ms where users see 102 ms.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mltest.shared.domain import CallRemark, RemarkKind
from mltest.shared.statistics.schedule import rate_name

SPIN_NS = 200_000
"""Before a request is due, the generator sleeps no longer but looks at the clock: sleeping overshoots by 130 us."""
LATENCY = "open_loop_latency_ns"
LATENESS = "open_loop_lateness_ns"


@dataclass(kw_only=True)
class OpenLoopCalls:
    """What became of the requests of one rate, in their order."""

    latencies_ns: list[int] = field(default_factory=list)
    """From the scheduled time to the answer."""
    latenesses_ns: list[int] = field(default_factory=list)
    """From when a request was due and its generator free to when it was sent."""
    is_overloaded: bool = False
    """Whether it was given up because requests came faster than answers."""
    started_monotonic_ns: int = 0


def open_loop(
    call: Callable[[int], object],
    schedule_ns: Sequence[int],
    bound_ns: int,
    clock: Callable[[], int] = time.perf_counter_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> OpenLoopCalls:
    """Send each request when it is due, or as soon as the one before is answered.

    Args:
        call: answers the request of a number, from 0.
        schedule_ns: when each request is due, from the start; ascending.
        bound_ns: if a request waited for longer than this, it ends: what is to come waits even longer.
        clock: in ns.
        sleep: for so many seconds.

    """
    begin_ns = clock()
    calls = OpenLoopCalls(started_monotonic_ns=time.monotonic_ns())
    free_ns = begin_ns
    for number, offset_ns in enumerate(schedule_ns):
        due_ns = begin_ns + offset_ns
        sent_ns = _wait_until(due_ns, clock, sleep)
        if free_ns - due_ns > bound_ns:
            calls.is_overloaded = True
            break
        call(number)
        answered_ns = clock()
        calls.latencies_ns.append(answered_ns - due_ns)
        calls.latenesses_ns.append(sent_ns - max(due_ns, free_ns))
        free_ns = answered_ns
    return calls


def overload_remark(rate_per_s: float, batch_size: int, bound_ns: int) -> CallRemark:
    """Return the remark that takes the place of the series of an overloaded rate."""
    text = f"{rate_name(rate_per_s)}: overloaded, requests waited for more than {bound_ns / 1e9:g} s for their turn"
    return CallRemark(kind=RemarkKind.ABSENT, metric=LATENCY, batch_size=batch_size, text=text)


def _wait_until(due_ns: int, clock: Callable[[], int], sleep: Callable[[float], None]) -> int:
    """Return the time behind waiting; it is never before `due_ns`."""
    now_ns = clock()
    while due_ns - now_ns > SPIN_NS:
        sleep((due_ns - now_ns - SPIN_NS) / 1e9)
        now_ns = clock()
    while now_ns < due_ns:
        now_ns = clock()
    return now_ns
