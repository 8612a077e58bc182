"""Remarks on the calls of a candidate, in words for people. Pure."""

from collections.abc import Mapping

from mltest.agent.visit.visit_notes import few_rows_text
from mltest.shared.domain import CallRemark, RemarkKind


def absent_remarks(metric: str, reasons: Mapping[int, str]) -> tuple[CallRemark, ...]:
    """Return what is said of a form that is not there: `reasons` by batch size, "" where it is there.

    One remark for every batch size (0) if the reason is the same for all of them.
    """
    found = {size: reason for size, reason in reasons.items() if reason}
    if found and len(found) == len(reasons) and len(set(found.values())) == 1:
        found = {0: next(iter(found.values()))}
    return tuple(_remark(RemarkKind.ABSENT, metric, size, reason) for size, reason in found.items())


def warm_remarks(
    metric: str, batch_size: int, *, call_ns: int, is_steady: bool, calls_per_value: int
) -> tuple[CallRemark, ...]:
    """Return what is said of calls after warming up."""
    remarks = []
    if not is_steady:
        text = "the calls did not become steady while warming up; a longer warm-up or a quieter machine mends it"
        remarks.append(_remark(RemarkKind.UNSTEADY, metric, batch_size, text))
    if calls_per_value > 1:
        text = (
            f"a call takes about {call_ns / 1e3:.2g} us, too short to be timed alone: "
            f"each value is the time of {calls_per_value} calls, so there are no percentiles; larger batches have them"
        )
        remarks.append(_remark(RemarkKind.BATCHED, metric, batch_size, text))
    return tuple(remarks)


def row_remarks(row_count: int, distinct_row_count: int, effective_row_count: int) -> tuple[CallRemark, ...]:
    """Return what is said of the rows that were fed."""
    text = few_rows_text(row_count, distinct_row_count, effective_row_count)
    return (_remark(RemarkKind.FEW_ROWS, "", 0, text),) if text else ()


def _remark(kind: RemarkKind, metric: str, batch_size: int, text: str) -> CallRemark:
    return CallRemark(kind=kind, metric=metric, batch_size=batch_size, text=text)
