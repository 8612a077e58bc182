"""What a person sees of a comparison and of a history."""

import io

from rich.console import Console, RenderableType

from mltest.coordinator.commands.confirmation import Confirmation, confirmation_text
from mltest.coordinator.planning.figure_names import parse_figure
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.report.comparison_table import ComparisonView, ordered
from mltest.coordinator.report.history_table import HistoryView
from mltest.shared.domain import (
    Basis,
    Change,
    Comparison,
    Difference,
    EnvironmentChange,
    History,
    HistoryPoint,
    HistorySeries,
    MachineClass,
)


def printed(renderable: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def difference(label: str, change: Change, ratio: float | None = None, **more: object) -> Difference:
    facts: dict[str, object] = {
        "runtime": label,
        "agent_id": "a",
        "agent_name": "lab",
        "metric": "latency_s",
        "statistic": "median",
        "batch_size": 1,
        "before": 1e-5,
        "after": 1e-5 * (ratio or 1),
        "basis": Basis.REFERENCE,
        "ratio_low": ratio and 0.97 * ratio,
        "ratio_high": ratio and 1.03 * ratio,
    }
    return Difference(label=label, change=change, ratio=ratio, **(facts | more))  # type: ignore[arg-type]


BROKEN = difference(
    "gone", Change.BROKEN, metric="", statistic="", batch_size=0, before=None, after=None, reason="failed: it died"
)
COMPARISON = Comparison(
    job_a="old1",
    job_b="new2",
    differences=(
        difference("same", Change.UNDECIDED, 1.01),
        difference("faster", Change.BETTER, 0.8),
        difference("slower", Change.WORSE, 1.25),
        difference(
            "slower", Change.SAME, 1.0, metric="accuracy", statistic="value", batch_size=0, before=0.97, after=0.97
        ),
        difference("slower", Change.WORSE, 1.5, statistic="p99"),
        BROKEN,
    ),
    environment=(EnvironmentChange(agent_id="a", agent_name="lab", name="governor", before="performance", after=""),),
    notes=("A note.",),
)


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_each_figure_has_its_mark_and_the_worst_candidate_is_first() -> None:
    lines = lines_of(printed(ComparisonView(COMPARISON, Objective(), shows_all=False)))
    marked = [(line[0], line.split()[1]) for line in lines[3:8] if not line.startswith(" ")]

    assert lines[0] == "old1 -> new2: times compared through the pinned reference"
    assert marked == [("!", "gone"), ("+", "slower"), ("~", "same"), ("-", "faster")]
    assert any("median latency at 1 row" in line and "1.25x (1.21 to 1.29)" in line for line in lines)
    assert any(line.startswith("  slower") and "accuracy" in line and "0.9700" in line for line in lines)


def test_what_is_not_shown_is_counted_and_shown_on_request() -> None:
    short, full = (printed(ComparisonView(COMPARISON, Objective(), shows_all=shows)) for shows in (False, True))

    assert "p99" not in short
    assert "1 broken, 2 worse, 1 better, 1 cannot be told apart, 1 the same; 1 not shown (--all shows them)." in short
    assert "p99 latency at 1 row" in full
    assert "not shown" not in full


def test_the_figure_that_is_ordered_by_is_shown_and_decides_the_order() -> None:
    by_tail = parse_figure("latency.p99@1")

    assert ordered(COMPARISON.differences, by_tail)[1].statistic == "p99"
    assert "p99 latency at 1 row" in printed(ComparisonView(COMPARISON, by_tail, shows_all=False))


def test_what_changed_around_the_numbers_is_shown_with_notes_and_legend() -> None:
    text = printed(ComparisonView(COMPARISON, Objective(), shows_all=False))

    assert "lab governor performance -> ?" in text
    assert "A note." in text
    assert "~ cannot be told apart" in text
    assert "! fails or is ruled out now" in text


def test_words_from_elsewhere_do_not_reach_the_terminal_as_commands() -> None:
    hostile = Comparison(job_a="a", job_b="b", differences=(difference("[red]\x1b[2Jx", Change.WORSE, 2.0),))

    assert "\x1b" not in printed(ComparisonView(hostile, Objective(), shows_all=True))


def point(day: int, level: float, **more: object) -> HistoryPoint:
    return HistoryPoint(
        job_id=f"job{day}",
        created_unix_ns=1_795_000_000_000_000_000,
        value=1e-5 * level,
        level=level,
        **more,  # type: ignore[arg-type]
    )


def history_series(label: str, *points: HistoryPoint) -> HistorySeries:
    return HistorySeries(
        model_name="forest.skops",
        dataset_sha256="c" * 64,
        label=label,
        runtime=label,
        agent_id="a",
        agent_name="lab",
        metric="latency_s",
        statistic="median",
        batch_size=1,
        basis=Basis.REFERENCE,
        points=points,
    )


def test_a_series_with_an_alarm_is_first_and_says_by_how_much() -> None:
    history = History(
        series=(
            history_series("steady", point(0, 0.5, change_ratio=1.01)),
            history_series("young", point(0, 0.5)),
            history_series("doubtful", point(0, 0.6, is_outside=True, change_ratio=1.2)),
            history_series(
                "slower", point(0, 0.5), point(1, 0.6, is_alarm=True, change_ratio=1.2, change=Change.WORSE)
            ),
        )
    )
    lines = lines_of(printed(HistoryView(history)))

    assert lines[1].startswith("+ slower")
    assert "+20.0%" in lines[1]
    assert lines[1].endswith("▁█")
    assert lines[2].startswith("~ steady")
    assert lines[3].startswith("  young")
    assert lines[4].startswith("? doubtful")
    assert "0.600x" in lines[1]
    assert "level: divided by the pinned reference in the same slices; changes are those of it" in lines


def test_an_earlier_change_is_told_with_its_job() -> None:
    changed = point(1, 0.4, is_alarm=True, change_ratio=0.8, change=Change.BETTER)
    text = printed(HistoryView(History(series=(history_series("fast", point(0, 0.5), changed, point(2, 0.4)),))))

    assert "- -20.0%  fast on lab, median latency at 1 row: job1, 2026-11-18" in text


def test_a_confirmation_says_what_it_found() -> None:
    found = Confirmation(
        old_job_id="old1", job_id="new2", confirmed=(difference("slower", Change.WORSE, 1.25),), others=()
    )

    assert confirmation_text(found) == (
        "Confirmed by job new2, with old1 in the same slices (new / old):\n"
        "+ slower on lab, median latency at 1 row: 1.25x (1.21 to 1.29)"
    )
    refuted = Confirmation(old_job_id="o", job_id="n", confirmed=(), others=(difference("x", Change.UNDECIDED, 1.0),))
    assert confirmation_text(refuted).startswith("Not confirmed by job n")
    nothing = Confirmation(old_job_id="", job_id="", confirmed=(), others=())
    assert confirmation_text(nothing) == "There is no job before it to measure against."


def test_the_classes_of_the_machine_in_both_jobs_stand_beside_absolute_values() -> None:
    classes = {"machine_class_before": MachineClass.SHARED, "machine_class_after": MachineClass.NOISY}
    found = Comparison(job_a="old1", job_b="new2", differences=(difference("slower", Change.WORSE, 1.25, **classes),))

    assert "lab (shared -> noisy)" in printed(ComparisonView(found, Objective(), shows_all=True))


def test_the_class_of_the_machine_stands_beside_the_value_of_a_history() -> None:
    point = HistoryPoint(job_id="j", created_unix_ns=1, value=1e-5, level=2.0, machine_class=MachineClass.NOISY)
    series = HistorySeries(
        model_name="forest.skops",
        dataset_sha256="d",
        label="fast",
        runtime="fast",
        agent_id="a",
        agent_name="lab",
        metric="latency_s",
        statistic="median",
        batch_size=1,
        basis=Basis.REFERENCE,
        points=(point,),
    )

    assert "lab (noisy)" in printed(HistoryView(History(series=(series,))))
