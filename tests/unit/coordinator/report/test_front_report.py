"""The Pareto front and the fastest for every batch size, as a person sees them."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from mltest.coordinator.analysis.recomputation import differences
from mltest.coordinator.report.best_table import BestView
from mltest.coordinator.report.front_table import FrontView
from mltest.coordinator.report.show import JobView
from mltest.coordinator.report.table import StandingsView
from mltest.shared.domain import (
    BatchBest,
    FrontPoint,
    JobResults,
    ParetoFront,
    Result,
    Standing,
    StandingRow,
    Standings,
)
from tests.unit.coordinator.report.test_report import JOB


def screen(content: RenderableType, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(content)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def figure(
    metric: str, value: float | None, *, statistic: str = "value", batch_size: int = 0, count: int = 0
) -> Result:
    return Result(
        candidate_id="", test="", metric=metric, statistic=statistic, batch_size=batch_size, value=value, count=count
    )


def point(label: str, seconds: float, size: float | None, *beaten_by: str, is_lossy: bool = False) -> FrontPoint:
    figures = (
        figure("judged_accuracy", 0.9, count=225),
        figure("latency_s", seconds, statistic="median", batch_size=1),
        figure("artifact_bytes", size),
    )
    return FrontPoint(
        candidate_id=label,
        label=label,
        is_on_front=not beaten_by,
        figures=figures,
        beaten_by=beaten_by,
        is_lossy=is_lossy,
    )


FRONT = ParetoFront(
    agent_id="a",
    agent_name="lab",
    dimensions=("judged accuracy", "median latency at 1 row", "artifact"),
    points=(
        point("onnxruntime", 1.2e-5, 3_000_000),
        point("treelite, prune-trees individual 8", 2.5e-5, 500_000, is_lossy=True),
        point("scikit-learn", 3e-3, None, "onnxruntime"),
    ),
)
BESTS = tuple(
    BatchBest(
        agent_id=agent_id,
        agent_name=f"lab-{agent_id}",
        batch_size=batch_size,
        candidate_ids=labels,
        labels=labels,
        figure=figure("latency_s", 1e-5 * batch_size, statistic="median", batch_size=batch_size),
        candidate_count=9,
    )
    for agent_id, batch_size, labels in (
        ("a", 1, ("c, nodes", "c, if-else", "treelite", "onnxruntime")),
        ("a", 10_000, ("daal4py",)),
        ("b", 1, ("onnxruntime",)),
    )
)
ROW = StandingRow(
    candidate_id="c", label="onnxruntime", agent_id="a", agent_name="lab", standing=Standing.RANKED, rank=1
)
RESULTS = JobResults(job=JOB, standings=Standings(rows=(ROW,), ordered_by="x", fronts=(FRONT,), bests=BESTS))


@pytest.mark.parametrize("width", [70, 120])
def test_a_front_shows_the_figures_of_those_on_it_and_how_many_are_not(width: int) -> None:
    text = screen(FrontView(FRONT), width)
    flat = " ".join(text.split())

    assert text.startswith("Worth a choice on lab")
    assert all(len(line) <= width for line in text.splitlines())
    for shown in ("225 rows", "latency b1", "size", "12.0 µs", "3.00 MB", "500 kB", "(lossy)"):
        assert shown in flat, shown
    assert "scikit-learn" not in text
    assert "The other candidate is certainly worse than one of these in something" in flat
    assert "energy was not measured" in flat


def test_a_job_in_full_says_who_beats_the_others_and_what_is_not_known_of_them() -> None:
    assert "scikit-learn: beaten by onnxruntime (not measured: artifact)" in screen(JobView(RESULTS))
    assert "beaten by" not in screen(StandingsView(RESULTS))


def test_a_front_of_everybody_says_so_and_one_of_a_single_candidate_is_not_shown() -> None:
    assert "Each of them is better than the others in something" in screen(
        FrontView(replace(FRONT, points=FRONT.points[:2]))
    )
    alone = replace(RESULTS.standings, fronts=(replace(FRONT, points=FRONT.points[:1]),))
    assert "Worth a choice" not in screen(StandingsView(replace(RESULTS, standings=alone)))


def test_each_agent_has_a_column_with_its_fastest_and_their_ties() -> None:
    text = screen(BestView(BESTS))
    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert lines[0] == "Fastest for each batch size (latency)"
    assert lines[1] == "rows lab-a lab-b"
    assert lines[2] == "1 c, nodes = c, if-else = 2 more, 10.0 µs onnxruntime, 10.0 µs"
    assert lines[3] == "10,000 daal4py, 100 ms -"
    assert screen(BestView(BESTS[:1])) == ""


def test_words_from_elsewhere_do_nothing_to_the_terminal() -> None:
    hostile = replace(FRONT, agent_name="\x1b[2J[red]", points=(replace(FRONT.points[0], label="\x1b]0;x[bold]"),) * 2)
    text = screen(FrontView(hostile, is_full=True)) + screen(
        BestView((replace(BESTS[0], labels=("\x1b[31m",)), BESTS[1]))
    )
    assert "\x1b" not in text


def test_a_front_that_today_s_analysis_draws_otherwise_is_named() -> None:
    other = replace(FRONT, points=(FRONT.points[0], replace(FRONT.points[1], is_on_front=False), FRONT.points[2]))
    before = Standings(fronts=(FRONT,), bests=BESTS[:1])
    after = Standings(fronts=(other,), bests=(replace(BESTS[0], labels=("treelite",)),))

    assert differences(((), before), ((), after), candidates=(), agent_names={}) == (
        "the front on lab was onnxruntime; treelite, prune-trees individual 8 and is onnxruntime",
        "the fastest on lab-a with 1 rows was c, nodes; c, if-else; treelite; onnxruntime and is treelite",
    )
