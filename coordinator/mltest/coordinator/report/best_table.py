"""The fastest candidate for every batch size on every agent."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from mltest.coordinator.planning.figure_names import metric_name
from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import BatchBest

_NAMED = 2
"""How many of those that cannot be told apart are named where it is not just one more."""


class BestView:
    """A row for each batch size, a column for each agent; nothing where there is only one cell to show."""

    def __init__(self, bests: Sequence[BatchBest]) -> None:
        self._bests = bests

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what it is, and the table."""
        if len(self._bests) < 2:
            return
        what = metric_name(self._bests[0].figure.metric)
        yield printable(f"Fastest for each batch size ({what})", style="bold")
        yield _table(self._bests)


def _table(bests: Sequence[BatchBest]) -> Table:
    agents = dict.fromkeys((best.agent_id, best.agent_name) for best in bests)
    cells = {(best.agent_id, best.batch_size): best for best in bests}
    table = plain_table()
    table.add_column("rows", justify="right")
    for _, name in agents:
        table.add_column(printable(name), overflow="fold")
    for batch_size in sorted({best.batch_size for best in bests}):
        found = (cells.get((agent_id, batch_size)) for agent_id, _ in agents)
        table.add_row(f"{batch_size:,}", *(printable(_text(best)) for best in found))
    return table


def _text(best: BatchBest | None) -> str:
    if best is None:
        return "-"
    more = len(best.labels) - _NAMED
    named = best.labels if more == 1 else best.labels[:_NAMED]
    names = " = ".join(named) + (f" = {more} more" if more > 1 else "")
    return f"{names}, {figure_text(best.figure, has_interval=True)}"
