"""Every test of the registry in one job: its figures with their intervals, or why it has none."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding

from mltest.coordinator.analysis.named import named_candidate
from mltest.coordinator.report.figures_of_test import figures_of_test
from mltest.coordinator.report.plain import printable
from mltest.coordinator.report.untested import untested
from mltest.shared.domain import Candidate, JobResults, ReportedTest, ReportedTestState, Result

_INDENT = (0, 0, 0, 2)


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
            yield Padding(printable(test.meaning, style="dim"), _INDENT)
            yield from (Padding(part, _INDENT) for part in self._figures(test, options.max_width - 2))
        yield from untested([test for test in tests if test.state is not ReportedTestState.DONE], options.max_width)

    def _whose(self) -> str:
        if self._candidate is None:
            return "no candidate was made"
        count = sum(one.is_possible and not one.is_reference for one in self._results.candidates)
        besides = f"; --candidate LABEL shows another of {count}" if count > 1 else ""
        return f"those of candidates are of {self._candidate.label}{besides}"

    def _figures(self, test: ReportedTest, width: int) -> Iterator[RenderableType]:
        all_results = [result for result in self._results.results if result.test == test.name]
        own = [result for result in all_results if self._is_shown(result)]
        if own:
            classes = self._results.job.model.classes if self._results.job.model else ()
            rest = f"mltest-coordinator show {self._results.job.job_id} --json"
            yield from figures_of_test(own, classes, width, rest=rest)
            return
        ids = {result.candidate_id for result in all_results if result.value is not None}
        other = next((one.label for one in self._results.candidates if one.candidate_id in ids), "")
        yield printable(f"it has figures of other candidates only: --candidate '{other}' shows them")

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
