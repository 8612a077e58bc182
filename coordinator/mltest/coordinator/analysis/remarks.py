"""Remarks on one row of the table: what a reader of its figures has to know."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.planning.figure_names import metric_name
from mltest.shared.domain import CallRemark, RemarkKind
from mltest.shared.statistics.adaptive import StopReason

_TEXTS: Mapping[RemarkKind, str] = MappingProxyType(
    {
        RemarkKind.UNSTEADY: "still getting faster or slower when warming up ended",
        RemarkKind.ABSENT: "not timed",
        RemarkKind.BATCHED: "calls are too short to be timed one by one",
        RemarkKind.FEW_ROWS: "fewer distinct rows were fed than it takes",
    }
)
"""Where a remark has no text of its own."""


def row_remarks(remarks: Iterable[CallRemark], stop_reason: StopReason | None, round_count: int) -> tuple[str, ...]:
    """Return the remarks of a row, each once.

    Args:
        remarks: of its calls, from all rounds.
        stop_reason: why it was not measured again; None where no rule chose the number of rounds.
        round_count: rounds that it was measured in.

    """
    return (*_stop(stop_reason, round_count), *_calls(remarks))


def absence(remarks: Sequence[CallRemark], result_metric: str, batch_size: int) -> str:
    """Return why the calls behind a figure were not timed; empty if nothing is known of it."""
    raw_metric = RAW_OF_RESULT.get(result_metric, "")
    found = (
        remark.text
        for remark in remarks
        if remark.kind is RemarkKind.ABSENT and remark.metric == raw_metric and remark.batch_size in (0, batch_size)
    )
    return next(found, "")


def _stop(stop_reason: StopReason | None, round_count: int) -> Iterator[str]:
    if stop_reason is StopReason.MAX_ROUNDS:
        yield f"imprecise: its ratios are not known as exactly as wanted after {round_count} rounds"
    elif stop_reason is StopReason.ELIMINATED:
        yield f"not measured beyond round {round_count}, since it is certainly slower than the best"


def _calls(remarks: Iterable[CallRemark]) -> Iterator[str]:
    sizes: dict[tuple[RemarkKind, str, str], set[int]] = {}
    for remark in remarks:
        sizes.setdefault((remark.kind, remark.metric, remark.text), set()).add(remark.batch_size)
    for (kind, metric, text), batch_sizes in sizes.items():
        where = _where(metric, batch_sizes)
        said = text or _TEXTS.get(kind, kind.value)
        yield f"{where}: {said}" if where else said


def _where(metric: str, batch_sizes: set[int]) -> str:
    name = metric_name(metric.removesuffix("_ns"))
    if not name or 0 in batch_sizes:
        return name
    rows = ", ".join(map(str, sorted(batch_sizes)))
    return f"{name} at {rows} row{'s' if batch_sizes != {1} else ''}"
