"""Two jobs side by side: one line for each figure of each candidate, the worst first."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.report.change_text import LEGEND, STYLES, mark_of, metric_text, ratio_text
from mltest.coordinator.report.figure_text import class_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Basis, Change, Comparison, Difference, MachineClass
from mltest.shared.metrics import RESULT_METRICS, Better

_RATE = "throughput_rows_per_s"
"""Of the largest batch only, unless more is asked for."""
_MAIN = (
    *(("latency_s", "median"), ("lean_latency_s", "median"), ("native_latency_s", "median")),
    *((_RATE, "mean"), ("accuracy", "value"), ("r2", "value")),
    *(("artifact_bytes", "value"), ("memory_peak_bytes", "median"), ("load_s", "median")),
)
"""Metric and statistic of what is shown without being asked for, in this order."""
_BASES = {
    Basis.PAIRED: "in the same slices",
    Basis.REFERENCE: "through the pinned reference",
    Basis.BASELINE: "through the unchanged native baseline",
    Basis.ROUNDS: "absolute values of rounds",
}
_Subject = tuple[str, str]


class ComparisonView:
    """A comparison for a terminal."""

    def __init__(self, comparison: Comparison, order_by: Objective, *, shows_all: bool) -> None:
        self._comparison = comparison
        self._order_by = order_by
        self._shows_all = shows_all
        rates = (one.batch_size for one in comparison.differences if one.metric == _RATE)
        self._largest_batch = max(rates, default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the figures, what was not the same around them, and the legend."""
        found = self._comparison
        yield printable(f"{found.job_a} -> {found.job_b}{_bases(found.differences)}", style="bold")
        shown = [one for one in ordered(found.differences, self._order_by) if self._is_shown(one)]
        if shown:
            yield ""
            yield _table(shown)
        yield ""
        if found.environment:
            yield Text("Not the same around them, so that a new series begins", style="bold")
            yield _environment(found)
            yield ""
        for note in found.notes:
            yield printable(note, style="dim")
        yield printable(_tally(found.differences, len(found.differences) - len(shown)), style="dim")
        yield Text(LEGEND, style="dim")

    def _is_shown(self, one: Difference) -> bool:
        if self._shows_all or not one.metric:
            return True
        if (one.metric, one.statistic) == (self._order_by.metric, self._order_by.statistic):
            return True
        is_small = one.metric == _RATE and one.batch_size < self._largest_batch
        return (one.metric, one.statistic) in _MAIN and not is_small


def ordered(differences: Sequence[Difference], order_by: Objective) -> tuple[Difference, ...]:
    """Return the figures candidate by candidate: what fails first, then by what became of `order_by`, worst first."""
    subjects: dict[_Subject, list[Difference]] = {}
    for one in differences:
        subjects.setdefault((one.label, one.agent_id), []).append(one)
    groups = sorted(subjects.values(), key=lambda group: min(_rank(one, order_by) for one in group))
    return tuple(one for group in groups for one in sorted(group, key=lambda one: _place(one, order_by)))


def _rank(one: Difference, order_by: Objective) -> tuple[int, float]:
    """Return what a candidate is placed by; the smallest of its figures counts."""
    if not one.metric:
        return (0 if one.change is Change.BROKEN else 3, 0.0)
    if (one.metric, one.statistic, one.batch_size) != (order_by.metric, order_by.statistic, order_by.batch_size):
        return (4, 0.0)
    if not one.ratio:
        return (2, 0.0)
    growth = math.log(one.ratio) if one.ratio > 0 else 0.0
    return (1, growth if RESULT_METRICS[one.metric].better is Better.HIGHER else -growth)


def _place(one: Difference, order_by: Objective) -> tuple[int, int, str, str, int]:
    """Return where a figure stands among those of its candidate."""
    figure = (one.metric, one.statistic)
    is_first = not one.metric or figure == (order_by.metric, order_by.statistic)
    place = _MAIN.index(figure) if figure in _MAIN else len(_MAIN)
    return (int(not is_first), place, one.metric, one.statistic, one.batch_size)


def _table(differences: Sequence[Difference]) -> Table:
    table = plain_table()
    table.add_column("")
    table.add_column("candidate", overflow="fold")
    table.add_column("agent", overflow="fold")
    table.add_column("figure", overflow="fold")
    table.add_column("before", justify="right", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("new / old (95 %)", overflow="fold")
    for one in differences:
        style = STYLES.get(one.change, "")
        says = one.reason or ratio_text(one.ratio, one.ratio_low, one.ratio_high)
        table.add_row(
            Text(mark_of(one.change), style=style),
            printable(one.label),
            printable(_agent(one)),
            printable(figure_name(one.metric, one.statistic, one.batch_size) if one.metric else ""),
            printable(metric_text(one.metric, one.before) if one.metric else ""),
            printable(metric_text(one.metric, one.after) if one.metric else ""),
            printable(says, style=style),
        )
    return table


def _agent(one: Difference) -> str:
    """Return the agent with the class of its machine in both jobs, where the values are absolute ones."""
    classes = (one.machine_class_before, one.machine_class_after)
    if (one.before is None and one.after is None) or all(found is MachineClass.UNSPECIFIED for found in classes):
        return one.agent_name
    return f"{one.agent_name} ({' -> '.join(dict.fromkeys(map(class_text, classes)))})"


def _environment(comparison: Comparison) -> Table:
    table = plain_table()
    table.show_header = False
    for change in comparison.environment:
        table.add_row(
            *(printable(text) for text in (change.agent_name, change.name, change.before or "?")),
            "->",
            printable(change.after or "?"),
        )
    return table


def _bases(differences: Sequence[Difference]) -> str:
    """Return how times were compared."""
    found = {one.basis for one in differences if one.metric.endswith("latency_s")}
    texts = [text for basis, text in _BASES.items() if basis in found]
    return f": times compared {' and '.join(texts)}" if texts else ""


def _tally(differences: Sequence[Difference], hidden_count: int) -> str:
    counts = Counter(one.change for one in differences)
    text = ", ".join(_counted(counts)) or "Nothing is in both jobs"
    hidden = f"; {hidden_count} not shown (--all shows them)" if hidden_count else ""
    return f"{text}{hidden}."


def _counted(counts: Counter[Change]) -> Iterator[str]:
    names = {
        Change.BROKEN: "broken",
        Change.WORSE: "worse",
        Change.BETTER: "better",
        Change.REPAIRED: "repaired",
        Change.UNDECIDED: "cannot be told apart",
        Change.SAME: "the same",
        Change.INCOMPARABLE: "not comparable",
    }
    yield from (f"{counts[change]} {name}" for change, name in names.items() if counts[change])
