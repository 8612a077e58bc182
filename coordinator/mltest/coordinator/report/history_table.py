"""How figures went from job to job: one line for each series, with its newest run against what was usual before."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.report.change_text import STYLES, mark_of, metric_text
from mltest.coordinator.report.figure_text import ABSENT
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Basis, Change, History, HistoryPoint, HistorySeries, MachineClass
from mltest.shared.units import date_text, factor_text

_BARS = "▁▂▃▄▅▆▇█"
_BAR_COUNT = 20
_LEVELS = {Basis.REFERENCE: "pinned reference", Basis.BASELINE: "native baseline"}


class HistoryView:
    """A history for a terminal."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the series, alarms first, then when alarms were raised before."""
        series = sorted(self._history.series, key=lambda one: not one.points[-1].is_alarm)
        yield _table(series)
        earlier = [(one, point) for one in series for point in one.points[:-1] if point.is_alarm]
        if earlier:
            yield ""
            yield Text("Changes before", style="bold")
            for one, point in earlier:
                yield printable(_earlier(one, point))
        yield ""
        for note in (*self._history.notes, *_levels(series)):
            yield printable(note, style="dim")
        yield Text(
            "+ worse or - better, two runs in a row outside of what was usual: 5 %, or 3 median absolute deviations\n"
            "? outside for the first time   ~ within what was usual   (blank) too few runs to know what is usual",
            style="dim",
        )


def _table(series: Sequence[HistorySeries]) -> Table:
    table = plain_table()
    table.add_column("")
    for title in ("candidate", "agent", "figure"):
        table.add_column(title, overflow="fold")
    for title in ("runs", "value", "level"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    table.add_column(f"last {_BAR_COUNT}", no_wrap=True)
    for one in series:
        point = one.points[-1]
        style = STYLES.get(point.change, "")
        table.add_row(
            Text(_mark(point), style=style),
            printable(one.label),
            printable(_agent(one, point)),
            printable(figure_name(one.metric, one.statistic, one.batch_size)),
            str(len(one.points)),
            printable(metric_text(one.metric, point.value)),
            printable(_level(one, point)),
            Text(_change(point), style=style),
            _bars([found.level for found in one.points[-_BAR_COUNT:]]),
        )
    return table


def _agent(series: HistorySeries, point: HistoryPoint) -> str:
    """Return the agent with the class of its machine in the newest run, where the value is an absolute one."""
    if point.machine_class is MachineClass.UNSPECIFIED:
        return series.agent_name
    return f"{series.agent_name} ({point.machine_class.value})"


def _levels(series: Sequence[HistorySeries]) -> list[str]:
    """Return what levels are, which alarms go by."""
    names = [name for basis, name in _LEVELS.items() if any(one.basis is basis for one in series)]
    return [f"level: divided by the {' or '.join(names)} in the same slices; changes are those of it"] if names else []


def _mark(point: HistoryPoint) -> str:
    if point.change_ratio is None:
        return " "
    if point.is_alarm:
        return mark_of(point.change)
    return "?" if point.is_outside else mark_of(Change.UNDECIDED)


def _change(point: HistoryPoint) -> str:
    return ABSENT if point.change_ratio is None else f"{point.change_ratio - 1:+.1%}"


def _level(series: HistorySeries, point: HistoryPoint) -> str:
    if series.basis not in _LEVELS:
        return ABSENT
    return factor_text(point.level)


def _earlier(series: HistorySeries, point: HistoryPoint) -> str:
    name = figure_name(series.metric, series.statistic, series.batch_size)
    when = date_text(point.created_unix_ns)
    where = f" on {series.agent_name}" if series.agent_name else ""
    what = f"{series.label}{where}, {name}"
    return f"{mark_of(point.change)} {_change(point)}  {what}: {point.job_id}, {when}"


def _bars(levels: Sequence[float]) -> str:
    """Return one bar for each level, between the smallest and the largest; flat where they differ by less than 5 %."""
    low, high = min(levels), max(levels)
    room = max(high - low, 0.05 * high)
    middle = (low + high - room) / 2
    return "".join(_BARS[min(int((level - middle) / room * len(_BARS)), len(_BARS) - 1)] for level in levels)
