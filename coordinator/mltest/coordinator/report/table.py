"""The final table: one row for each candidate on each agent, best first, and what is not ranked below it."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mltest.coordinator.report.best_table import BestView
from mltest.coordinator.report.columns import Column, columns_of
from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.front_table import FrontView
from mltest.coordinator.report.plain import plain_table, printable
from mltest.coordinator.report.remarks import remarks
from mltest.coordinator.report.verdict_text import verdict_text
from mltest.shared.domain import JobResults, MachineClass, Standing, StandingRow

_WIDE = 118
"""Width of a terminal from which each figure gets a column of its own; below, two of them share one."""

_GREY = "dim"
"""Of what is secondary, and of absolute times from a noisy machine."""

_UNRANKED = {
    Standing.REFUSED: "yellow",
    Standing.GATED: "yellow",
    Standing.FAILED: "red",
    Standing.UNMEASURED: "magenta",
    Standing.IMPOSSIBLE: "bright_black",
}


class StandingsView:
    """The table to decide from, fitted to the width of the terminal."""

    def __init__(self, results: JobResults, *, is_full: bool = False) -> None:
        """Take the results, and whether candidates that are not on the Pareto front are listed with who beats them."""
        self._results = results
        self._is_full = is_full

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield verdict, ranked rows, the others with their reasons, fronts, the best by batch size, and remarks."""
        rows = self._results.standings.rows
        ranked = [row for row in rows if row.rank is not None]
        yield printable(verdict_text(self._results.standings), style="bold")
        is_wide = options.max_width >= _WIDE
        if ranked:
            yield ""
            yield _ranked_table(ranked, is_wide=is_wide)
        if others := [row for row in rows if row.rank is None]:
            yield ""
            yield Text("Not ranked", style="bold")
            yield _unranked_table(others, is_wide=is_wide)
        for front in self._results.standings.fronts:
            if len(front.points) > 1:
                yield ""
                yield FrontView(front, is_full=self._is_full)
        if len(self._results.standings.bests) > 1:
            yield ""
            yield BestView(self._results.standings.bests)
        yield ""
        for remark in remarks(self._results):
            yield printable(remark, style="dim")


def _ranked_table(rows: Sequence[StandingRow], *, is_wide: bool) -> FittingTable:
    groups = columns_of(rows)
    columns = [(column,) for group in groups for column in group] if is_wide else list(groups)
    titles = ["\n".join(column.title for column in group) for group in columns]
    left = [place for place, group in enumerate(columns) if group[0].is_left]
    table = FittingTable([Text(title) for title in titles], key_count=2, left=left)
    for row in rows:
        table.add_row(*(_cell(group, row) for group in columns), style="bold" if row.rank == 1 else "")
    return table


def _cell(group: Sequence[Column], row: StandingRow) -> Text:
    first, *others = (column.text_of(row) for column in group)
    indent = "  " if group[0].is_left else ""
    return Text.assemble(
        printable(first, style=_GREY if _is_doubtful(group[0], row) else ""),
        *(printable(indent + other, style=f"not bold {_GREY}", lead="\n") for other in others),
    )


def _is_doubtful(column: Column, row: StandingRow) -> bool:
    return column.is_machine_bound and row.machine_class in (MachineClass.NOISY, MachineClass.EMULATED)


def _unranked_table(rows: Sequence[StandingRow], *, is_wide: bool) -> Table:
    table = plain_table()
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=60 if is_wide else 34)
    table.add_column(overflow="fold")
    for row in rows:
        name = f"{row.label} (lossy)" if row.is_lossy else row.label
        where = f"{name} on {row.agent_name}" if row.agent_name else name
        style = _UNRANKED.get(row.standing, "")
        table.add_row(printable(row.standing.value, style=style), printable(where), printable(row.reason))
    return table
