"""The rows in which a candidate differs from the native model, as a table."""

from collections import Counter

from rich.console import Console, ConsoleOptions, RenderResult

from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Cause, Disagreements

_CAUSES = {Cause.TIE: "tie", Cause.ROUNDING: "rounding"}


class DisagreementsView:
    """How many rows differ, why, and which."""

    def __init__(self, found: Disagreements) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one sentence and the rows."""
        yield printable(heading(self._found), style="bold")
        if not self._found.rows:
            return
        table = plain_table()
        for title, justify in (("row", "right"), ("native", "left"), ("candidate", "left"), ("difference", "right")):
            table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]  # of these two words
        table.add_column("cause")
        table.add_column("agent", overflow="fold")
        for row in self._found.rows:
            difference = "-" if row.difference is None else f"{row.difference:.3g}"
            cells = (str(row.row_index), row.native, row.candidate, difference, _CAUSES.get(row.cause, ""))
            table.add_row(*map(printable, (*cells, row.agent_id[:12])))
        yield table


def heading(found: Disagreements) -> str:
    """Return how many rows differ and how many of those listed are explained: one sentence."""
    name = f"{found.label} (lossy)" if found.is_lossy else found.label
    if not found.differing_count:
        return f"{name} says what the native model says in all of {found.row_count:,} rows."
    causes = Counter(row.cause for row in found.rows)
    why = "".join(f", {causes[cause]} by {text}" for cause, text in _CAUSES.items() if causes[cause])
    listed = f"; the worst {len(found.rows)} are listed{why}" if found.differing_count > len(found.rows) else why
    return f"{name} differs in {found.differing_count:,} of {found.row_count:,} rows{listed}."
