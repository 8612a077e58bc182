"""Figures of scenarios of one candidate on one agent: requests by a schedule, and everything in one call."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Result

_LATENCY, _LATENESS = "open_loop_latency_s", "open_loop_lateness_s"
_CAPACITY, _OFFLINE = "open_loop_capacity_per_s", "offline_rows_per_s"
SCENARIO_METRICS = (_LATENCY, _LATENESS, _CAPACITY, _OFFLINE)
_COLUMNS = {"median": "median", "p90": "p90", "p99": "p99", "p99_9": "p99.9"}


def scenario_tables(results: Sequence[Result]) -> Iterator[RenderableType]:
    """Yield the latencies of requests by rate, why some are missing, and single figures of scenarios.

    Args:
        results: of one candidate on one agent; those of other metrics are left out.

    """
    requests = [result for result in results if result.metric in (_LATENCY, _LATENESS)]
    if requests:
        yield _request_table(requests)
    for reason in _reasons(requests):
        yield printable(reason, style="dim", lead="- ")
    for result in results:
        if result.metric == _OFFLINE:
            yield _line(f"offline, {result.batch_size:,} rows in one call", result, "")
        elif result.metric == _CAPACITY:
            yield _line("highest rate that keeps the latency asked for", result, " requests/s")


def _request_table(requests: Sequence[Result]) -> RenderableType:
    table = plain_table()
    for title in ("open loop", *_COLUMNS.values(), "late p99", "requests"):
        table.add_column(title, justify="right")
    by_name = {(found.metric, found.label, found.statistic): found for found in requests}
    for rate in dict.fromkeys(found.label for found in requests):
        latencies = [by_name.get((_LATENCY, rate, statistic)) for statistic in _COLUMNS]
        count = max(found.count for found in requests if found.label == rate)
        lateness = by_name.get((_LATENESS, rate, "p99"))
        table.add_row(printable(rate), *map(figure_text, (*latencies, lateness)), f"{count:,}")
    return table


def _reasons(requests: Sequence[Result]) -> Iterator[str]:
    """Yield why latencies are missing: one line for a reason that all statistics of a rate share."""
    told = set()
    for result in requests:
        if result.metric == _LATENCY and result.value is None and (result.label, result.reason) not in told:
            told.add((result.label, result.reason))
            same = [found for found in requests if (found.label, found.reason) == (result.label, result.reason)]
            is_all = len([found for found in same if found.metric == _LATENCY]) == len(_COLUMNS)
            what = result.label if is_all else f"{result.label} {_COLUMNS[result.statistic]}"
            yield f"{what}: {result.reason}"


def _line(name: str, result: Result, unit: str) -> RenderableType:
    value = figure_text(result, has_interval=True)
    return printable(f"{name}: {result.reason if result.value is None else value + unit}")
