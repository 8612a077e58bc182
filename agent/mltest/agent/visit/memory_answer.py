"""What a worker says of its memory, as values; a model may have forged it, so nothing is taken unchecked. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mltest.agent.visit.worker_answers import count, number
from mltest.agent.worker.footprint import (
    CONTROL_GROUP,
    DEPLOY_PEAK,
    GPU_ALLOCATED,
    GPU_RESERVED,
    INFERENCE,
    MODEL,
    PARTS,
    SWAPPED,
)
from mltest.shared.children.frames import Frame
from mltest.shared.domain import CallRemark, RemarkKind, SampleSeries
from mltest.shared.naming import clean_text

PARAMETERS, RSS = "memory_parameter_bytes", "memory_rss_bytes"
OF_WORKER = (DEPLOY_PEAK, MODEL, INFERENCE, SWAPPED, CONTROL_GROUP, GPU_ALLOCATED, GPU_RESERVED, PARAMETERS)
"""What a worker may tell of itself."""
MAX_REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """Memory of one process."""

    started_monotonic_ns: int
    values: Mapping[str, int]
    """By metric."""
    absent: Mapping[str, str]
    """Why a metric has no value."""
    rss_bytes: tuple[int, ...]
    """Before the calls, and behind each equal part of them."""
    calls_per_mark: int


def memory_from_frame(answer: Frame) -> MemoryAnswer:
    """Return what a worker says.

    Raises:
        ValueError, KeyError, TypeError: it makes no sense.

    """
    values, absent, rss = dict(answer["values"]), dict(answer["absent"]), list(answer["rss"])
    if len(rss) != PARTS + 1:
        raise ValueError(f"there are {len(rss)} marks")
    return MemoryAnswer(
        started_monotonic_ns=number(answer, "started_monotonic_ns"),
        values={metric: number(values, metric) for metric in OF_WORKER if metric in values},
        absent={metric: clean_text(absent[metric], MAX_REASON_CHARS) for metric in OF_WORKER if metric in absent},
        rss_bytes=tuple(number({"rss": one}, "rss") for one in rss),
        calls_per_mark=count(answer, "calls_per_mark"),
    )


def memory_series(answer: MemoryAnswer, candidate_id: str, place: int) -> Iterator[SampleSeries]:
    """Yield the series of one process; `place` is 0 with a warm page cache and 1 with a cold one."""
    found = {metric: (value,) for metric, value in answer.values.items()} | {RSS: answer.rss_bytes}
    for metric, values in found.items():
        yield SampleSeries(
            candidate_id=candidate_id,
            metric=metric,
            slice_index=place,
            started_monotonic_ns=answer.started_monotonic_ns,
            values=values,
            calls_per_value=answer.calls_per_mark if metric == RSS else 0,
        )


def absent_remark(metric: str, reason: str) -> CallRemark:
    """Return the remark that says why a figure of memory is not there."""
    return CallRemark(kind=RemarkKind.ABSENT, metric=metric, text=reason)
