"""The Pareto front of an agent: who is worth a choice there, and in `show` who beats the others."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.plain import printable
from mltest.shared.domain import FrontPoint, ParetoFront, Result

_TITLES = {
    "artifact_bytes": "size",
    "memory_peak_bytes": "memory",
    "r2": "R²",
    "judged_r2": "R²",
    "gross_energy_j": "energy",
}
_NAMED = 3
"""How many of those that beat a candidate are named."""


class FrontView:
    """One agent's front; with `is_full` the others as well, each with those that beat it."""

    def __init__(self, front: ParetoFront, *, is_full: bool = False) -> None:
        self._front = front
        self._is_full = is_full

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what it is, the table, and what the others are."""
        front = self._front
        best = [point for point in front.points if point.is_on_front]
        others = [point for point in front.points if not point.is_on_front]
        yield printable(f"Worth a choice on {front.agent_name} (Pareto front)", style="bold")
        yield _table(front, best)
        if not others:
            yield printable("Each of them is better than the others in something, as far as can be told.", style="dim")
            return
        yield printable(_others_text(len(others), front), style="dim")
        if self._is_full:
            yield from (printable(_beaten_text(point, front.dimensions), lead="  ") for point in others)


def _table(front: ParetoFront, points: list[FrontPoint]) -> FittingTable:
    titles = ["candidate"]
    for place, name in enumerate(front.dimensions):
        known = (point.figures[place] for point in front.points if point.figures[place].value is not None)
        titles.append(_title(next(known, None), name))
    table = FittingTable(titles)
    for point in points:
        mark = " *" if point.is_baseline else " (lossy)" if point.is_lossy else ""
        table.add_row(printable(point.label + mark), *(Text(figure_text(one)) for one in point.figures))
    return table


def _title(figure: Result | None, name: str) -> str:
    if figure is None:
        return name
    short = _TITLES.get(figure.metric) or figure_name(
        figure.metric.removeprefix("judged_"), "value" if figure.statistic == "median" else figure.statistic, 0
    )
    batch = f" b{figure.batch_size}" if figure.batch_size else ""
    rows = f" of {figure.count} rows" if figure.metric.startswith("judged_") else ""
    return f"{short}{batch}{rows}{f' ({figure.label})' if figure.label else ''}"


def _others_text(count: int, front: ParetoFront) -> str:
    who = "The other candidate is" if count == 1 else f"The {count} other candidates are"
    missing = "" if any(_is_energy(point) for point in front.points) else "; energy was not measured"
    return f"{who} certainly worse than one of these in something, and better in nothing that was measured{missing}."


def _is_energy(point: FrontPoint) -> bool:
    return any("energy" in figure.metric or figure.metric.endswith("_j") for figure in point.figures)


def _beaten_text(point: FrontPoint, dimensions: Sequence[str]) -> str:
    named, more = point.beaten_by[:_NAMED], len(point.beaten_by) - _NAMED
    by = "; ".join(named) + (f" and {more} more" if more > 0 else "")
    missing = [name for name, figure in zip(dimensions, point.figures, strict=True) if figure.value is None]
    unknown = f" (not measured: {', '.join(missing)})" if missing else ""
    return f"{point.label}: beaten by {by}{unknown}"
