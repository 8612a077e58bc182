"""Every figure of one candidate on one agent."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mltest.coordinator.analysis.forms import FORMS, PYTHON
from mltest.coordinator.planning.figure_names import metric_name
from mltest.coordinator.report.confusion_table import CONFUSION, confusion_table
from mltest.coordinator.report.energy_table import ENERGY_METRICS, energy_tables
from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.plain import plain_table, printable
from mltest.coordinator.report.scenario_tables import SCENARIO_METRICS, scenario_tables
from mltest.shared.domain import Result

_WORST_ROW = "worst_row_difference"
_DIFFERING_ROW = "differing_row"
_CALL_STATISTICS = {"median": "median", "mean": "mean", "p90": "p90", "p95": "p95", "p99": "p99", "p99_9": "p99.9"}
_BESIDES = {"outlier_ratio": "far out", "throughput_rows_per_s": "rows"}
_FORM_METRICS = tuple(form.metric for form in FORMS.values())


def figure_tables(results: Sequence[Result], classes: Sequence[str]) -> Iterator[RenderableType]:
    """Yield calls by batch size, scenarios, single figures, figures of classes, confusion matrix, and the worst rows.

    Args:
        results: of one candidate on one agent.
        classes: of the model, in its order.

    """
    scenarios = [result for result in results if result.metric in SCENARIO_METRICS]
    energies = [result for result in results if result.metric in ENERGY_METRICS]
    results = [result for result in results if result.metric not in (*SCENARIO_METRICS, *ENERGY_METRICS)]
    calls = [result for result in results if result.batch_size]
    forms = {metric: [one for one in calls if one.metric == metric] for metric in _FORM_METRICS}
    singles = [result for result in results if not result.batch_size and not result.label]
    labelled = [result for result in results if result.label]
    of_classes = [result for result in labelled if result.statistic == "class" or result.metric == _DIFFERING_ROW]
    confusion = [result for result in labelled if result.metric == CONFUSION]
    worst = [result for result in labelled if result.metric == _WORST_ROW]
    for name, form in FORMS.items():
        if of_form := forms[form.metric]:
            yield (
                _call_table(name, of_form, calls)
                if any(one.value is not None for one in of_form)
                else printable(f"{name}: {of_form[0].reason}")
            )
    yield from scenario_tables(scenarios)
    yield from energy_tables(energies)
    if singles:
        yield _single_table(singles)
    if of_classes:
        yield _class_table(of_classes)
    if confusion:
        yield Text("confusion: true class in rows, predicted in columns", style="dim")
        yield confusion_table(confusion, classes)
    if worst:
        rows = ", ".join(f"row {result.label} ({figure_text(result)})" for result in worst)
        yield printable(f"differ most from the native model: {rows}")


def _call_table(form: str, results: Sequence[Result], calls: Sequence[Result]) -> FittingTable:
    """Return the times of one form of a call by batch size; the usual form has its rate and far-out calls as well."""
    times = {(result.batch_size, result.statistic): result for result in results}
    besides = {(result.metric, result.batch_size): result for result in calls if form == PYTHON}
    table = _numbers(form, *_CALL_STATISTICS.values(), *(_BESIDES.values() if form == PYTHON else ()), "calls")
    for batch_size in sorted({result.batch_size for result in results}):
        median, *others = (times.get((batch_size, statistic)) for statistic in _CALL_STATISTICS)
        counts = [result.count for result in results if result.batch_size == batch_size]
        table.add_row(
            f"b{batch_size}",
            figure_text(median, has_interval=True),
            *(figure_text(figure) for figure in others),
            *(figure_text(besides.get((metric, batch_size))) for metric in _BESIDES if form == PYTHON),
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


def _class_table(results: Sequence[Result]) -> FittingTable:
    metrics = list(dict.fromkeys(result.metric for result in results))
    by_label: dict[str, dict[str, Result]] = {}
    for result in results:
        by_label.setdefault(result.label, {})[result.metric] = result
    table = _numbers("class", *map(metric_name, metrics))
    for label, of_label in by_label.items():
        table.add_row(printable(label), *(figure_text(of_label.get(metric)) for metric in metrics))
    return table


def _numbers(*titles: str) -> FittingTable:
    """Return a table of numbers with these titles, which may be names of classes."""
    return FittingTable([printable(title) for title in titles])
