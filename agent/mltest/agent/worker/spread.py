"""Which calls of a slice are timed: pure.

Where fewer values are wanted than calls fit into a slice, those that are timed are spread evenly over it, so that they
see the whole slice and not its beginning only.
"""

import math
from dataclasses import dataclass

from mltest.agent.worker.form import MAX_VALUES

SHORT_CALL_NS = 2_000
"""A shorter call cannot be timed alone: the clock and the loop would be a large part of it."""
TOGETHER_NS = 20_000
"""Short calls are timed together for about as long as that."""
FEWEST_VALUES = 5
"""Of one slice: its median stands against one interrupted call."""
LONG_CALL_NS = 50_000_000
"""Of a longer call one value is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a slice goes over its calls."""

    calls_per_value: int
    """Timed together; 1 unless a call is too short."""
    untimed_calls: int
    """Between two values."""
    max_values: int
    """At most so many."""
    min_values: int = 1
    """At least so many, although the time of the slice may be over."""


def spread_of(call_ns: float, slice_ns: int, max_values: int, batch_count: int) -> Spread:
    """Return how to measure a slice of calls that take about `call_ns` each.

    Args:
        call_ns: as found while warming up.
        slice_ns: length of the slice.
        max_values: values that are wanted; 0: as many as fit.
        batch_count: batches that the calls go over in a circle. The distance between two values has no divisor in
            common with it, so that the timed calls visit every batch, one after the other.

    """
    together = calls_together(call_ns)
    fewest = 1 if call_ns > LONG_CALL_NS else FEWEST_VALUES
    if not max_values:
        return Spread(calls_per_value=together, untimed_calls=0, max_values=MAX_VALUES, min_values=fewest)
    distance = max(together, int(slice_ns / (max(call_ns, 1.0) * max_values)))
    while math.gcd(distance, batch_count) > 1:
        distance += 1
    return Spread(
        calls_per_value=together,
        untimed_calls=distance - together,
        max_values=min(max_values, MAX_VALUES),
        min_values=min(max_values, fewest),
    )


def calls_together(call_ns: float) -> int:
    """Return how many calls of `call_ns` each are timed together: one, unless they are too short for that."""
    return 1 if call_ns >= SHORT_CALL_NS else math.ceil(TOGETHER_NS / max(call_ns, 1.0))
