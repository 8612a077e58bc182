"""Every test of the registry in one job: its figures with their intervals, or why it has none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table

from mltest.coordinator.analysis.named import named_candidate
from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.report.figure_text import value_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Candidate, JobResults, ReportedTest, ReportedTestState, Result
from mltest.shared.metrics import RESULT_METRICS

_SHOWN = 40
"""Figures of a test at most; the rest is counted."""
_BAR = 20
"""Marks of a point whose value is 1."""
_REASONS = 5
"""The same, of figures without a value."""
_PLAIN_STATISTICS = ("class", "column", "feature", "operator", "hint", "group", "curve", "cluster")
"""Words that only say what the label is."""
_STATES = {
    ReportedTestState.DOES_NOT_APPLY: "does not apply",
    ReportedTestState.NOT_CHOSEN: "not asked for",
    ReportedTestState.NO_VALUE: "no value",
}


class PageOfTests:
    """What became of each test; figures are those of one candidate, and of the model and its data."""

    def __init__(self, results: JobResults, candidate: str = "") -> None:
        """Show the figures of `candidate` (RequestInvalidError if there is none), or of the native baseline."""
        self._results = results
        self._candidate = _chosen(results.candidates, candidate)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the tests that have figures, then the others with their reasons."""
        tests = self._results.tests
        if not tests:
            yield printable("Neither model nor data were read, so no test was made.")
            return
        done = [test for test in tests if test.state is ReportedTestState.DONE]
        yield printable(f"{len(done)} of {len(tests)} tests have figures; {self._whose()}", style="bold")
        for test in done:
            yield ""
            yield printable(test.name, style="bold")
            yield Padding(printable(test.meaning, style="dim"), (0, 0, 0, 2))
            yield from (Padding(part, (0, 0, 0, 2)) for part in self._figures(test))
        if others := [test for test in tests if test.state is not ReportedTestState.DONE]:
            yield ""
            yield printable("Without figures", style="bold")
            yield _others(others)

    def _whose(self) -> str:
        if self._candidate is None:
            return "no candidate was made"
        count = sum(one.is_possible and not one.is_reference for one in self._results.candidates)
        besides = f"; --candidate NAME shows another of {count}" if count > 1 else ""
        return f"those of candidates are of {self._candidate.label}{besides}"

    def _figures(self, test: ReportedTest) -> Iterator[RenderableType]:
        own = [result for result in self._results.results if result.test == test.name and self._is_shown(result)]
        if not own:
            yield printable("it has figures of other candidates only")
            return
        table = plain_table()
        table.show_header = False
        # What is of all rows first, then what is of single classes, columns or groups.
        own.sort(key=lambda result: bool(result.label))
        for result in own[:_SHOWN]:
            _add_figure(table, result)
        yield table
        if len(own) > _SHOWN:
            yield printable(f"and {len(own) - _SHOWN} more: --json has them all", style="dim")
        reasons = list(dict.fromkeys(_reason(result) for result in own if result.reason))
        yield from (printable(reason, style="dim") for reason in reasons[:_REASONS])
        if len(reasons) > _REASONS:
            yield printable(f"and {len(reasons) - _REASONS} more without a value", style="dim")

    def _is_shown(self, result: Result) -> bool:
        """Return whether it is of the model and its data, or of the candidate on the first agent that measured it."""
        if not result.candidate_id:
            return True
        if self._candidate is None or result.candidate_id != self._candidate.candidate_id:
            return False
        agents = (one.agent_id for one in self._results.results if one.candidate_id == result.candidate_id)
        return result.agent_id in ("", next((agent_id for agent_id in agents if agent_id), ""))


def _chosen(candidates: Sequence[Candidate], name: str) -> Candidate | None:
    if name:
        return named_candidate(candidates, name)
    usable = [one for one in candidates if one.is_possible and not one.is_reference]
    return next((one for one in usable if one.is_baseline and not one.from_job_id), usable[0] if usable else None)


def _add_figure(table: Table, result: Result) -> None:
    if result.value is None:
        return
    cells = (_name(result), result.label, value_text(result), _interval(result) or _bar(result))
    table.add_row(*(printable(cell, style="dim" if position == 3 else "") for position, cell in enumerate(cells)))


def _name(result: Result) -> str:
    statistic = "value" if result.statistic in _PLAIN_STATISTICS else result.statistic
    return figure_name(result.metric, statistic, result.batch_size)


def _reason(result: Result) -> str:
    return f"{_name(result)}{f' of {result.label}' if result.label else ''}: {result.reason}"


def _interval(result: Result) -> str:
    if result.low is None or result.high is None:
        return ""
    return f"[{value_text(replace(result, value=result.low))}, {value_text(replace(result, value=result.high))}]"


def _bar(result: Result) -> str:
    """Return a point of a curve as a bar, where the whole is 1."""
    is_share = RESULT_METRICS[result.metric].unit == "1" if result.metric in RESULT_METRICS else False
    if result.statistic != "curve" or not is_share or result.value is None or not 0 <= result.value <= 1:
        return ""
    return "▪" * round(result.value * _BAR)


def _others(tests: Sequence[ReportedTest]) -> Table:
    table = plain_table()
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for test in tests:
        # Two tests may share a name where each is for another task.
        name = f"{test.name} ({test.class_name})" if sum(one.name == test.name for one in tests) > 1 else test.name
        table.add_row(printable(name), printable(_STATES.get(test.state, ""), style="dim"), printable(test.reason))
    return table
