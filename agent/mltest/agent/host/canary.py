"""The canary: the same piece of work again and again, whose times show whether this machine is an even ruler.

A spin loop would see nothing: a busy sibling processor slows integer work by 4 %, but work with memory and branches
two to three times. So each work walks through memory with branches in Python, then sums and compresses bytes in C.
"""

import time
import zlib
from array import array
from collections.abc import Callable, Sequence
from functools import partial

from mltest.shared.statistics.percentiles import percentile

Canary = Callable[[], Sequence[int]]
"""Returns the times of equal works, in ns."""

WORK_COUNT = 20
MIN_WORK_COUNT = 5
UNTIMED_COUNT = 3
DEADLINE_NS = 60_000_000
"""On a slow or busy machine there are fewer works, but never fewer than `MIN_WORK_COUNT`."""

_TABLE_LENGTH = 1 << 15
_STEPS = 16_000
_SUMMED_BYTES = 1 << 20
_COMPRESSED_BYTES = 1 << 14
_NORMAL_P90_P10 = 2.5631
"""Distance from the 10th to the 90th percentile of a normal distribution, in standard deviations."""


def prepared_canary(count: int = WORK_COUNT, deadline_ns: int = DEADLINE_NS) -> Canary:
    """Return a canary of `count` works, or of fewer if `deadline_ns` is over before.

    Call the same one before and behind what is watched, so that the machine is all that can change: data elsewhere in
    memory shifted its works by some 0.5 %.
    """
    table = _walk_table()
    return partial(_timed_works, table, bytes(table), count, deadline_ns)


def robust_cv_ratio(times_ns: Sequence[float]) -> float | None:
    """Return the coefficient of variation of `times_ns`, 0.02 for 2 %; None for fewer than two.

    It is (p90 - p10) / 2.5631 / median, which for normal times equals the usual one. One work in ten may be hit by an
    interrupt without effect; a machine that changes its speed between two groups of works shows in full, which a
    quartile range would hide.
    """
    if len(times_ns) < 2:
        return None
    ordered = sorted(times_ns)
    middle = percentile(ordered, 50)
    return (percentile(ordered, 90) - percentile(ordered, 10)) / _NORMAL_P90_P10 / middle if middle > 0 else None


def _timed_works(table: "array[int]", data: bytes, count: int, deadline_ns: int) -> tuple[int, ...]:
    started_ns = time.perf_counter_ns()
    times_ns: list[int] = []
    for _ in range(UNTIMED_COUNT):
        _work(table, data)
    while len(times_ns) < count:
        begin_ns = time.perf_counter_ns()
        _work(table, data)
        end_ns = time.perf_counter_ns()
        times_ns.append(end_ns - begin_ns)
        if end_ns - started_ns > deadline_ns and len(times_ns) >= MIN_WORK_COUNT:
            break
    return tuple(times_ns)


def _walk_table() -> "array[int]":
    """Return a permutation that is one single cycle: x -> (a x + c) mod 2^n. Source: Hull & Dobell 1962, theorem 1."""
    return array("I", [(1_664_525 * index + 1_013_904_223) % _TABLE_LENGTH for index in range(_TABLE_LENGTH)])


def _work(table: "array[int]", data: bytes) -> int:
    position, taken = 0, 0
    for _ in range(_STEPS):
        position = table[position]
        if position & 8:
            taken += position
        else:
            taken ^= position
    for start in range(0, _SUMMED_BYTES, len(data)):
        taken ^= zlib.crc32(data, start)
    return taken + len(zlib.compress(data[:_COMPRESSED_BYTES], 1))
