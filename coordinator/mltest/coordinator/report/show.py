"""Everything about one job: what went in, the table, and every figure behind it."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mltest.coordinator.report.doubt_text import doubt_texts
from mltest.coordinator.report.figure_tables import figure_tables
from mltest.coordinator.report.figure_text import agent_text
from mltest.coordinator.report.machine_text import finding_texts, machine_text
from mltest.coordinator.report.plain import plain_table, printable
from mltest.coordinator.report.table import StandingsView
from mltest.shared.domain import Candidate, JobInfo, JobResults, ReportedTestState, Result, StandingRow
from mltest.shared.units import bytes_text, date_text, duration_text


class JobView:
    """A job in full."""

    def __init__(self, results: JobResults) -> None:
        self._results = results

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield facts, table, candidates, and the figures of each candidate on each agent."""
        yield _facts(self._results)
        yield ""
        if self._results.standings.rows:
            yield StandingsView(self._results, is_full=True)
            yield ""
        if self._results.candidates:
            yield Text("Candidates", style="bold")
            yield _candidates(self._results.candidates)
        classes = self._results.job.model.classes if self._results.job.model else ()
        if self._results.standings.machines:
            yield ""
            yield Text("Machines", style="bold")
            for machine in self._results.standings.machines:
                yield printable(machine_text(machine))
                yield from (Padding(printable(text, lead="- "), (0, 0, 0, 2)) for text in finding_texts(machine))
        for row in self._results.standings.rows:
            if results := _results_of(row, self._results.results):
                yield ""
                yield printable(_heading(row), style="bold")
                said = (*row.remarks, *doubt_texts(results))
                yield from (Padding(printable(text, lead="- "), (0, 0, 0, 2)) for text in said)
                yield from (Padding(part, (0, 0, 1, 2)) for part in figure_tables(results, classes))


def _facts(results: JobResults) -> Table:
    table = plain_table()
    table.show_header = False
    for name, text in (*_fact_texts(results.job), *_test_texts(results)):
        table.add_row(Text(name, style="dim"), printable(text))
    return table


def _fact_texts(job: JobInfo) -> Iterator[tuple[str, str]]:
    yield "job", job.job_id
    yield "state", f"{job.state.value}: {job.reason}" if job.reason else job.state.value
    ended_ns = job.ended_unix_ns
    took = f", took {duration_text((ended_ns - job.created_unix_ns) / 1e9)}" if ended_ns else ""
    yield "submitted", date_text(job.created_unix_ns) + took
    yield "visits", f"{job.visits_done} of {job.visits_total} done"
    yield "model", f"{job.spec.model.name}, sha256 {job.spec.model.sha256[:12]}"
    if model := job.model:
        yield "", f"{model.kind} ({model.family}, {model.task.value}), {model.feature_count} features, {model.format}"
        yield "", f"{bytes_text(model.size_bytes)}, answers with {model.output.value}"
        if model.classes:
            yield "classes", ", ".join(model.classes[:20]) + (" ..." if len(model.classes) > 20 else "")
    yield "data", ", ".join(f"{file.name}, sha256 {file.sha256[:12]}" for file in job.spec.data)
    if data := job.dataset:
        target = "with" if data.has_target else "without"
        rows = f"{data.row_count} of {data.source_row_count} rows"
        yield "", f"{rows}, {data.feature_count} columns of {data.dtype}, {target} true values"


def _test_texts(results: JobResults) -> Iterator[tuple[str, str]]:
    done = sum(test.state is ReportedTestState.DONE for test in results.tests)
    if results.tests:
        yield (
            "tests",
            f"{done} of {len(results.tests)} have figures: mltest-coordinator show {results.job.job_id} --tests",
        )


def _candidates(candidates: Sequence[Candidate]) -> Table:
    table = plain_table()
    table.show_header = False
    for candidate in candidates:
        table.add_row(printable(candidate.candidate_id[:12], style="dim"), printable(candidate.label), _made(candidate))
    return table


def _made(candidate: Candidate) -> Text:
    if not candidate.is_possible:
        return printable(candidate.reason, style="dim")
    size = "" if candidate.artifact_bytes is None else f", {bytes_text(candidate.artifact_bytes)}"
    options = "".join(f", {name}={value}" for name, value in sorted(candidate.options.items()))
    native = ", native baseline" if candidate.is_baseline else ", lossy" if candidate.is_lossy else ""
    head = f"{candidate.format}, {candidate.input_dtype}, threads={candidate.threads}{options}{size}{native}"
    return printable(f"{head}, sha256 {candidate.artifact_sha256[:12]}")


def _heading(row: StandingRow) -> str:
    """Return who it is, and what its figures come from."""
    who = f"{row.label} on {agent_text(row)}" if row.agent_name else row.label
    rounds = f", {row.round_count} round{'' if row.round_count == 1 else 's'}" if row.round_count else ""
    count = row.thread_count
    threads = "" if count is None else f", {count} working thread{'' if count == 1 else 's'} counted"
    return f"{who}{rounds}{threads}"


def _results_of(row: StandingRow, results: Sequence[Result]) -> list[Result]:
    agents = ("", row.agent_id)
    return [found for found in results if found.candidate_id == row.candidate_id and found.agent_id in agents]
