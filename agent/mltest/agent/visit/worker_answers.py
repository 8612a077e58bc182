"""What a worker answers, as values; a model may have forged it, so nothing is taken unchecked. Pure."""

import math
from dataclasses import dataclass

from mltest.agent.visit.thread_rule import WorkerThreads
from mltest.agent.worker.open_loop import LATENCY, LATENESS
from mltest.agent.worker.sample_frame import samples_from_frame
from mltest.shared.children.frames import Frame, checked_number
from mltest.shared.domain import SampleSeries, VerifiedCalls
from mltest.shared.naming import clean_text

MAX_WORST_ROWS = 16
MAX_WALLS = 16
MAX_WALL_CHARS = 40


@dataclass(frozen=True, slots=True)
class TimedSlice:
    """One slice of one candidate."""

    series: SampleSeries
    measuring_ns: int
    """From the first timed call to the end of the last one."""
    is_clipped: bool
    """Whether it ended before its time, by its number of calls."""
    minor_faults: int
    """Page faults meanwhile that needed no disk."""


def timed_slice_from_frame(answer: Frame, candidate_id: str, metric: str, batch_size: int, index: int) -> TimedSlice:
    """Return a slice in `answer`.

    Raises:
        ValueError, KeyError, TypeError: it is none.

    """
    series = SampleSeries(
        candidate_id=candidate_id,
        metric=metric,
        batch_size=batch_size,
        slice_index=index,
        started_monotonic_ns=number(answer, "started_monotonic_ns"),
        values=samples_from_frame(answer["values"]),
        calls_per_value=count(answer, "calls_per_value"),
    )
    measuring_ns, is_clipped = number(answer, "measuring_ns"), bool(answer["is_clipped"])
    return TimedSlice(series, measuring_ns, is_clipped, number(answer, "minor_faults"))


def walls_from_frame(answer: Frame) -> tuple[str, ...]:
    """Return the walls in `answer`.

    Raises:
        ValueError, KeyError, TypeError: there are none.

    """
    return tuple(clean_text(wall, MAX_WALL_CHARS) for wall in list(answer["walls"])[:MAX_WALLS])


def requests_from_frame(answer: Frame, candidate_id: str, batch_size: int, rate_index: int) -> tuple[SampleSeries, ...]:
    """Return what became of the requests of one rate: their latencies and latenesses; errors as above."""
    return tuple(
        SampleSeries(
            candidate_id=candidate_id,
            metric=metric,
            batch_size=batch_size,
            slice_index=rate_index,
            started_monotonic_ns=number(answer, "started_monotonic_ns"),
            values=samples_from_frame(answer[key]),
        )
        for metric, key in ((LATENCY, "latencies"), (LATENESS, "latenesses"))
    )


def verified_from_frame(answer: Frame, metric: str, batch_size: int) -> VerifiedCalls:
    """Return what was compared; errors as above."""
    difference, shift = float(answer["max_abs_difference"]), float(answer["median_shift"])
    if not (math.isfinite(difference) and difference >= 0 and math.isfinite(shift)):
        raise ValueError("max_abs_difference or median_shift is not a difference")
    worst = answer["worst_rows"]
    return VerifiedCalls(
        metric=metric,
        batch_size=batch_size,
        row_count=count(answer, "row_count"),
        differing_row_count=count(answer, "differing_row_count"),
        max_abs_difference=difference,
        worst_rows=tuple(checked_number(row, "worst_rows", 2**32) for row in worst[:MAX_WORST_ROWS]),
        median_shift=shift,
    )


def threads_from_frame(answer: Frame) -> WorkerThreads:
    """Return how many threads there are; errors as above."""
    return WorkerThreads(
        thread_count=count(answer, "thread_count"),
        pool_count=count(answer, "pool_count"),
        largest_pool=count(answer, "largest_pool"),
    )


def number(answer: Frame, key: str) -> int:
    """Return a number that is not negative and fits into 63 bits; errors as above."""
    return checked_number(answer[key], key)


def count(answer: Frame, key: str) -> int:
    """Return a number that is not negative and fits into 32 bits; errors as above."""
    return checked_number(answer[key], key, 2**32)
