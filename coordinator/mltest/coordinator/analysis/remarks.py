"""Remarks on one row of the table: what a reader of its figures has to know."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.builder.variant import SELECTED_ON
from mltest.coordinator.planning.figure_names import metric_name
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.shared.domain import CallRemark, Candidate, RemarkKind, Result
from mltest.shared.metrics import JUDGED_QUALITIES
from mltest.shared.statistics.adaptive import StopReason
from mltest.shared.units import ratio_text

_TEXTS: Mapping[RemarkKind, str] = MappingProxyType(
    {
        RemarkKind.UNSTEADY: "still getting faster or slower when warming up ended",
        RemarkKind.ABSENT: "not timed",
        RemarkKind.BATCHED: "calls are too short to be timed one by one",
        RemarkKind.FEW_ROWS: "fewer distinct rows were fed than it takes",
    }
)
"""Where a remark has no text of its own."""


APART_TEXT = "coarse: memory does not hold it beside the native baseline; the pinned reference compares them"
"""Remark on a row whose candidate shares no round with the baseline."""


def judged_text(candidate: Candidate, results: Sequence[Result], baseline: Result | None) -> tuple[str, ...]:
    """Return which rows the quality of a candidate is of, where its recipe was chosen by the others; nothing otherwise.

    Args:
        candidate: the candidate.
        results: all of it on one agent.
        baseline: quality of the native model on the rows that judge; None if it is not known.

    """
    count = next((one.count for one in results if one.metric in JUDGED_QUALITIES and one.value is not None), 0)
    if not candidate.is_selected or not count:
        return ()
    chosen = candidate.options.get(SELECTED_ON, "the others")
    beside = ""
    if baseline is not None and baseline.value is not None and baseline.count == count:
        name = metric_name(baseline.metric.removeprefix("judged_"))
        beside = f"; on the same rows the native model has {name} {ratio_text(baseline.value)}"
    return (f"quality is that of {count} rows; its recipe was chosen by {chosen}{beside}",)


def row_remarks(remarks: Iterable[CallRemark]) -> tuple[str, ...]:
    """Return what is said of the calls of a row in all rounds, each once.

    Why memory is absent stands at its figures.
    """
    return tuple(_calls(remark for remark in remarks if not remark.metric.startswith("memory_")))


def stop_text(plan: Plan, reason: StopReason | None, round_count: int) -> str:
    """Return why a candidate was not measured again; empty where the number of rounds was fixed.

    Args:
        plan: of the job.
        reason: what the samples decided; None if they had not decided when the rounds ended.
        round_count: rounds that it was measured in.

    """
    rule = stop_rule(plan)
    if rule is None:
        return ""
    rounds = f"{round_count} round{'' if round_count == 1 else 's'}"
    match reason:
        case StopReason.PRECISE:
            return f"precise: its ratios are known to {100 * rule.half_width:.3g} % after {rounds}"
        case StopReason.MAX_ROUNDS:
            return f"imprecise: its ratios are not known as exactly as wanted after {rounds}, as many as there may be"
        case StopReason.SCREENED:
            return f"screened out: after {rounds} of few calls it was certainly slower than the two best"
        case StopReason.ELIMINATED:
            return f"not measured beyond round {round_count}, since it is certainly slower than the best"
        case None:
            why = "the time budget was over" if plan.budget_s else "the job was stopped"
            return f"imprecise: {why} after {rounds}, before its ratios were known as exactly as wanted"


def absence(remarks: Sequence[CallRemark], result_metric: str, batch_size: int) -> str:
    """Return why the calls behind a figure were not timed; empty if nothing is known of it."""
    raw_metric = RAW_OF_RESULT.get(result_metric, "")
    found = (
        remark.text
        for remark in remarks
        if remark.kind is RemarkKind.ABSENT and remark.metric == raw_metric and remark.batch_size in (0, batch_size)
    )
    return next(found, "")


def _calls(remarks: Iterable[CallRemark]) -> Iterator[str]:
    sizes: dict[tuple[RemarkKind, str, str], set[int]] = {}
    texts: dict[tuple[RemarkKind, str], str] = {}
    for remark in remarks:
        text = remark.text
        if remark.kind is RemarkKind.BATCHED:
            # It names a time, which is another one in each round.
            text = texts.setdefault((remark.kind, remark.metric), text)
        sizes.setdefault((remark.kind, remark.metric, text), set()).add(remark.batch_size)
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
