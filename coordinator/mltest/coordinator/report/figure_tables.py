"""Every figure of one candidate on one agent."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mltest.coordinator.planning.figure_names import metric_name
from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.coordinator.report.scenario_tables import SCENARIO_METRICS, scenario_tables
from mltest.shared.domain import Result

_CONFUSION = "confusion_count"
_WORST_ROW = "worst_row_difference"
_CALL_STATISTICS = ("median", "mean", "p90", "p95", "p99")


def figure_tables(results: Sequence[Result], classes: Sequence[str]) -> Iterator[RenderableType]:
    """Yield calls by batch size, scenarios, single figures, figures of classes, confusion matrix, and the worst rows.

    Args:
        results: of one candidate on one agent.
        classes: of the model, in its order.

    """
    scenarios = [result for result in results if result.metric in SCENARIO_METRICS]
    results = [result for result in results if result.metric not in SCENARIO_METRICS]
    calls = [result for result in results if result.batch_size]
    singles = [result for result in results if not result.batch_size and not result.label]
    labelled = [result for result in results if result.label]
    of_classes = [result for result in labelled if result.metric not in (_CONFUSION, _WORST_ROW)]
    confusion = [result for result in labelled if result.metric == _CONFUSION]
    worst = [result for result in labelled if result.metric == _WORST_ROW]
    if calls:
        yield _call_table(calls)
    yield from scenario_tables(scenarios)
    if singles:
        yield _single_table(singles)
    if of_classes:
        yield _class_table(of_classes)
    if confusion:
        yield Text("confusion: true class in rows, predicted in columns", style="dim")
        yield _confusion_table(confusion, classes)
    if worst:
        rows = ", ".join(f"row {result.label} ({figure_text(result)})" for result in worst)
        yield printable(f"differ most from the native model: {rows}")


def _call_table(results: Sequence[Result]) -> Table:
    latency = {(result.batch_size, result.statistic): result for result in results if result.metric == "latency_s"}
    rates = {result.batch_size: result for result in results if result.metric == "throughput_rows_per_s"}
    table = _numbers("rows", *_CALL_STATISTICS, "rate", "calls")
    for batch_size in sorted({result.batch_size for result in results}):
        figures = [latency.get((batch_size, statistic)) for statistic in _CALL_STATISTICS]
        counts = [result.count for result in results if result.batch_size == batch_size]
        table.add_row(
            str(batch_size),
            figure_text(figures[0], has_interval=True),
            *(figure_text(figure) for figure in figures[1:]),
            figure_text(rates.get(batch_size)),
            f"{max(counts):,}",
        )
    return table


def _single_table(results: Sequence[Result]) -> Table:
    table = plain_table()
    table.show_header = False
    for result in results:
        statistic = "" if result.statistic in ("value", "median") else f" {result.statistic}"
        name = metric_name(result.metric) + statistic
        text = f"{figure_text(result, has_interval=True)}{f': {result.reason}' if result.reason else ''}"
        table.add_row(Text(name, style="dim"), printable(text))
    return table


def _class_table(results: Sequence[Result]) -> Table:
    metrics = list(dict.fromkeys(result.metric for result in results))
    by_label: dict[str, dict[str, Result]] = {}
    for result in results:
        by_label.setdefault(result.label, {})[result.metric] = result
    table = _numbers("class", *map(metric_name, metrics))
    for label, of_label in by_label.items():
        table.add_row(printable(label), *(figure_text(of_label.get(metric)) for metric in metrics))
    return table


def _confusion_table(results: Sequence[Result], classes: Sequence[str]) -> Table:
    counts = {result.label: result.value or 0.0 for result in results}
    table = _numbers("", *classes)
    for true in classes:
        cells = (f"{counts.get(f'{true}>{predicted}', 0):g}" for predicted in classes)
        table.add_row(printable(true, style="bold"), *cells)
    return table


def _numbers(*titles: str) -> Table:
    """Return a table of numbers with these titles, which may be names of classes."""
    table = plain_table()
    for title in titles:
        table.add_column(printable(title), justify="right")
    return table
