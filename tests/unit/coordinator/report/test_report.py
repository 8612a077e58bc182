"""What a person sees: the table at two widths, a job in full, and the lines of a running job."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from mltest.coordinator.analysis.standings import Problem, summarise
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.report.fleet_table import fleet_table, jobs_table
from mltest.coordinator.report.lines import line_of, tenth_line
from mltest.coordinator.report.progress import ProgressView
from mltest.coordinator.report.remarks import remarks
from mltest.coordinator.report.show import JobView
from mltest.coordinator.report.table import StandingsView
from mltest.coordinator.report.tally import Tally
from mltest.shared.domain import (
    FIRST_ENERGY_ROUND,
    AgentUpdated,
    CandidateUpdated,
    FileRef,
    FleetAgent,
    JobEvent,
    JobEventBody,
    JobInfo,
    JobNote,
    JobResults,
    JobSpec,
    JobState,
    JobStateChanged,
    MeterInfo,
    Outcome,
    Result,
    Standing,
    StepStarted,
    VisitUpdated,
)
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed

JOB = JobInfo(
    job_id="3f2a91c0",
    state=JobState.DONE,
    created_unix_ns=1_795_419_581_000_000_000,
    ended_unix_ns=1_795_419_622_000_000_000,
    spec=JobSpec(
        model=FileRef(name="forest.skops", sha256="a" * 64), data=(FileRef(name="digits.npz", sha256="b" * 64),)
    ),
    model=MODEL,
    visits_done=6,
    visits_total=6,
)
CANDIDATES = (
    candidate("scikit-learn", is_baseline=True),
    candidate("treelite"),
    candidate("onnxruntime"),
    candidate("gcc", reason="no compiler"),
)


@pytest.fixture(scope="module")
def results() -> JobResults:
    samples = [
        timed("scikit-learn", "a", 600_000, seed=1, batch_sizes=(1, 128), calls=2),
        timed("treelite", "a", 6_000, seed=2, batch_sizes=(1, 128)),
        timed("onnxruntime", "a", 18_000, seed=3, batch_sizes=(1, 128)),
    ]
    evaluations = [
        Evaluation(
            candidate_id=found.candidate_id,
            agent_id="a",
            gate_reason="labels differ in 3 rows" if found.candidate_id == "onnxruntime" else "",
            results=(
                Result(candidate_id=found.candidate_id, agent_id="a", test="quality", metric="accuracy", value=0.9722),
                Result(
                    candidate_id=found.candidate_id,
                    agent_id="a",
                    test="agreement",
                    metric="worst_row_difference",
                    value=1e-7,
                    label="17",
                ),
                Result(
                    candidate_id=found.candidate_id,
                    agent_id="a",
                    test="quality",
                    metric="confusion_count",
                    value=41,
                    label="0>1",
                ),
            ),
        )
        for found in samples
    ]
    found, standings = summarise(
        plan=Plan(rounds=6),
        model=MODEL,
        candidates=CANDIDATES,
        agents=[agent("a", name="jetson-7")],
        samples=samples,
        evaluations=evaluations,
        problems=[Problem(candidate_id="other", standing=Standing.FAILED, reason="")],
    )
    return JobResults(job=JOB, candidates=CANDIDATES, results=found, standings=standings)


def screen(renderable: RenderableType, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(renderable)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_of_the_table_is_longer_than_the_terminal_and_nothing_is_cut(results: JobResults, width: int) -> None:
    lines = screen(StandingsView(results), width).splitlines()

    assert max(len(line.rstrip()) for line in lines) <= width
    assert not any("…" in line for line in lines)


def with_energy(results: JobResults) -> JobResults:
    joules = {"test": "energy", "metric": "gross_energy_j", "statistic": "mean", "batch_size": 1, "boundary": "board"}
    rows = tuple(
        replace(
            row,
            figures=(
                *row.figures,
                Result(candidate_id=row.candidate_id, value=0.0071, low=0.00685, high=0.00735, **joules),  # type: ignore[arg-type]
            ),
        )
        for row in results.standings.rows
    )
    return replace(results, standings=replace(results.standings, rows=rows))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_with_energy_every_number_of_the_table_stands_whole(results: JobResults, width: int) -> None:
    text = screen(StandingsView(with_energy(results)), width)

    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert text.count("7.10 ± 0.25 mJ") == sum(row.rank is not None for row in results.standings.rows)


@pytest.mark.parametrize("width", [80, 120])
def test_a_candidate_that_means_to_change_predictions_is_called_lossy(results: JobResults, width: int) -> None:
    changed = {"label of treelite", "label of onnxruntime"}
    rows = tuple(replace(row, is_lossy=row.label in changed) for row in results.standings.rows)
    text = screen(StandingsView(replace(results, standings=replace(results.standings, rows=rows))), width)

    words = " ".join(text.split())
    assert "label of treelite (lossy)" in words
    assert "label of onnxruntime (lossy) on" in words
    assert "the plan's limits for lossy candidates gate it" in words
    assert "(lossy)" not in screen(StandingsView(results), width)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_answers_first_and_shows_every_figure(results: JobResults, width: int) -> None:
    text = screen(StandingsView(results), width)

    assert text.startswith("Best by median latency at 1 row: label of treelite on jetson-7, ")
    for title in ("latency b1", "p99 b1", "speed-up", "rows b128", "accuracy", "size", "memory"):
        assert title in text
    assert "label of scikit-learn *" in text
    assert "native" in text
    assert "0.9722" in text


@pytest.mark.parametrize(
    ("metric", "value", "title", "shown"),
    [
        ("silhouette", 0.5512, "silhouette", "0.5512"),
        ("perplexity", 31.4, "perplexity", "31.4"),
        ("weighted_rank", 3.25, "click rank", "3.25"),
    ],
)
def test_a_task_without_accuracy_shows_its_own_first_quality(metric: str, value: float, title: str, shown: str) -> None:
    _, standings = summarise(
        plan=Plan(rounds=6),
        model=MODEL,
        candidates=CANDIDATES[:1],
        agents=[agent("a")],
        samples=[timed("scikit-learn", "a", 600_000, seed=1)],
        evaluations=[
            Evaluation(
                candidate_id="scikit-learn",
                agent_id="a",
                gate_reason="",
                results=(
                    Result(candidate_id="scikit-learn", agent_id="a", test="quality", metric=metric, value=value),
                ),
            )
        ],
        problems=[],
    )
    text = screen(StandingsView(JobResults(job=JOB, candidates=CANDIDATES[:1], results=(), standings=standings)), 120)

    assert title in text
    assert shown in text
    assert "accuracy" not in text


def test_what_is_not_ranked_stands_below_with_its_reason(results: JobResults) -> None:
    text = screen(StandingsView(results), 120)
    _, _, unranked = text.partition("Not ranked")

    assert "gated      label of onnxruntime on jetson-7 labels differ in 3 rows" in unranked
    assert "impossible label of gcc" in unranked
    assert "no compiler" in unranked


def test_a_missing_figure_is_explained_below_the_table(results: JobResults) -> None:
    text = " ".join(screen(StandingsView(results), 120).split())

    assert "no p99 latency at 1 row. label of scikit-learn on jetson-7: needs 374 more calls" in text


def test_a_table_without_ranks_says_so(results: JobResults) -> None:
    nothing = replace(results, standings=replace(results.standings, rows=()))

    assert screen(StandingsView(nothing), 80).startswith("Nothing could be ranked.")


def test_a_job_in_full_shows_model_data_candidates_and_worst_rows(results: JobResults) -> None:
    text = screen(JobView(results), 100)

    assert "RandomForestClassifier" in text
    assert "digits.npz" in text
    assert "took 41 s" in text
    assert "differ most from the native model: row 17 (1e-07)" in text
    assert "41" in text


def test_control_characters_and_markup_from_elsewhere_do_nothing(results: JobResults) -> None:
    hostile = replace(
        results.standings.rows[0], agent_name="\x1b[31mred[bold]\x07", rank=None, reason="\x1b]0;title\x07"
    )
    text = screen(StandingsView(replace(results, standings=replace(results.standings, rows=(hostile,)))), 200)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "red[bold]" in text


def test_agents_and_jobs_fit_a_narrow_terminal() -> None:
    found = agent("a", name="lab-1")
    fleet = [
        FleetAgent(address="10.0.0.1:50771", is_alive=True, source="mdns", agent=found),
        FleetAgent(address="10.0.0.2:50771", is_alive=False, source="static", reason="connection refused"),
    ]

    text = screen(fleet_table(fleet), 80) + screen(jobs_table([JOB]), 80)

    assert max(map(len, text.splitlines())) <= 80
    assert "lab-1" in text
    assert "refused" in text
    assert "3f2a91c0" in text


def event(body: JobEventBody, *, second: int = 0) -> JobEvent:
    return JobEvent(seq=1, unix_ns=second * 1_000_000_000, event=body)


def visit(done_ratio: float, *, outcome: Outcome | None = None, agent_name: str = "lab-1") -> VisitUpdated:
    return VisitUpdated(
        visit_id="v",
        agent_name=agent_name,
        round_index=1,
        attempt=2,
        candidate_id="treelite",
        value_count=1234,
        done_ratio=done_ratio,
        outcome=outcome,
        reason="agent was killed" if outcome is Outcome.FAILED else "",
    )


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (StepStarted(step="build", text="making 3 candidates"), "making 3 candidates"),
        (
            CandidateUpdated(candidate=candidate("gcc", reason="no compiler")),
            "  no candidate label of gcc: no compiler",
        ),
        (CandidateUpdated(candidate=candidate("treelite")), "  candidate label of treelite"),
        (AgentUpdated(name="lab-1", takes_part=True), "  agent lab-1 takes part"),
        (AgentUpdated(name="lab-1", takes_part=False, reason="busy"), "  agent lab-1 does not take part: busy"),
        (visit(0.5), ""),
        (visit(1, outcome=Outcome.OK), "  round 2 on lab-1: 1,234 values"),
        (visit(1, outcome=Outcome.FAILED), "  round 2 on lab-1, attempt 2: failed: agent was killed"),
        (JobNote(text="note"), "  note"),
        (JobStateChanged(state=JobState.RUNNING), ""),
        (JobStateChanged(state=JobState.INTERRUPTED, reason="by a user"), "The job is interrupted: by a user"),
        (JobStateChanged(state=JobState.DONE), "The job is done."),
    ],
)
def test_an_event_is_one_line_if_it_stays_true(body: JobEventBody, line: str) -> None:
    assert line_of(event(body)) == line


def test_the_time_left_is_guessed_from_the_speed_since_the_start() -> None:
    job = replace(JOB, visits_done=0, visits_total=4)
    tally = Tally().after(event(visit(0), second=100)).counted(job)
    assert tally.left_s(100_000_000_000) is None

    tally = tally.after(event(visit(1, outcome=Outcome.OK), second=110)).counted(replace(job, visits_done=1))

    assert tally.done_ratio == 0.25
    assert tally.left_s(110_000_000_000) == pytest.approx(30)


def test_what_was_measured_before_a_resumption_does_not_count_as_speed() -> None:
    job = replace(JOB, visits_done=2, visits_total=4)
    tally = (
        Tally().after(event(visit(0.9), second=1)).after(event(JobStateChanged(state=JobState.RUNNING), second=1000))
    )
    tally = tally.after(event(visit(0), second=1000)).counted(job)

    tally = tally.after(event(visit(0.5), second=1010))

    assert tally.done_ratio == pytest.approx(0.625)
    assert tally.left_s(1_010_000_000_000) == pytest.approx(30)


def test_two_agents_are_added_up() -> None:
    job = replace(JOB, visits_done=0, visits_total=4)
    tally = Tally().after(event(visit(0.5))).after(event(visit(0.5, agent_name="lab-2"))).counted(job)

    assert tally.done_ratio == 0.25


def test_without_a_terminal_every_tenth_is_told_once() -> None:
    stream = io.StringIO()
    job = replace(JOB, visits_done=0, visits_total=1)
    with ProgressView(Console(file=stream, width=80)) as view:
        for step in range(0, 101, 4):
            view.add(event(visit(step / 100), second=step), job)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[1] == "  20% done, about 1 min 20 s left"


def test_a_tenth_is_told_once_though_further_rounds_are_added() -> None:
    stream = io.StringIO()
    with ProgressView(Console(file=stream, width=80)) as view:
        for done in range(1, 5):
            for ratio in (0.0, 0.5):
                view.add(event(visit(ratio)), replace(JOB, visits_done=done, visits_total=done + 1))

    told = [int(line.split("%")[0]) for line in stream.getvalue().splitlines()]
    assert told == sorted(set(told)) == [50, 75, 83, 90]


def test_rounds_of_energy_have_numbers_of_their_own() -> None:
    ended = replace(visit(1, outcome=Outcome.OK), round_index=FIRST_ENERGY_ROUND + 2)

    assert line_of(event(ended)) == "  energy round 3 on lab-1: 1,234 readings"


def test_no_progress_is_told_while_nothing_is_known() -> None:
    assert tenth_line(Tally()) == ""


def test_a_job_whose_agents_have_no_meter_says_once_that_energy_was_not_measured(results: JobResults) -> None:
    asked = [
        Result(candidate_id=one.candidate_id, agent_id="a", test="energy", metric="gross_energy_j", reason="no meter")
        for one in CANDIDATES
    ]
    unmetered = replace(results, agents=(agent("a"),), results=(*results.results, *asked))
    met = replace(unmetered, agents=(replace(agent("a"), meters=(MeterInfo(name="shelly", is_available=True),)),))

    without, with_one = (list(remarks(one)) for one in (unmetered, met))

    assert sum("energy was not measured" in line for line in without) == 1
    assert "energy was not measured: the agent has no meter that it can read; mltest-agent meters says there why." in (
        without
    )
    assert any("energy was not measured: 'mltest-coordinator show 3f2a91c0 --tests'" in line for line in with_one)
    assert not any("energy" in line for line in remarks(replace(results, agents=(agent("a"),)))), "nobody asked"
