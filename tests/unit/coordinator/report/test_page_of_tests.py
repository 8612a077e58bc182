import io

import pytest
from rich.console import Console

from mltest.coordinator.report.page_of_tests import PageOfTests
from mltest.shared.domain import Candidate, JobResults, ReportedTest, ReportedTestState, Result, Standings
from mltest.shared.errors import RequestInvalidError
from tests.unit.coordinator.report.test_report import JOB

DONE = ReportedTestState.DONE


def candidate(name: str, **changes: object) -> Candidate:
    values: dict[str, object] = {"candidate_id": name, "label": name, "runtime": "r", "format": "f", **changes}
    return Candidate(artifact_sha256="0" * 64, **values)  # type: ignore[arg-type]  # fields of a Candidate


def reported(name: str, state: ReportedTestState = DONE, reason: str = "", class_name: str = "C") -> ReportedTest:
    return ReportedTest(
        name=name, module="m", class_name=class_name, meaning=f"What {name} is.", state=state, reason=reason
    )


def result(candidate_id: str, metric: str, value: float | None, **changes: object) -> Result:
    return Result(candidate_id=candidate_id, test="quality", metric=metric, value=value, **changes)  # type: ignore[arg-type]


RESULTS = (
    result("other", "accuracy", 0.5, agent_id="a"),
    result("native", "accuracy", 0.9, agent_id="a", low=0.85, high=0.94),
    result("native", "recall", 0.25, agent_id="a", statistic="class", label="class [red]x[/red]"),
    result("native", "accuracy", 0.1, agent_id="b"),
    result("native", "log_loss", None, agent_id="a", reason="the model gives no probabilities"),
    Result(candidate_id="", test="trees", metric="node_count", value=39818.0),
)
PAGE = JobResults(
    job=JOB,
    candidates=(candidate("other"), candidate("native", is_baseline=True)),
    results=RESULTS,
    standings=Standings(),
    tests=(
        reported("quality"),
        reported("trees"),
        reported("fairness", ReportedTestState.DOES_NOT_APPLY, "no column of groups is named (--group COLUMN)"),
        reported("noise", ReportedTestState.NOT_CHOSEN, "ask for it: --tests 'default,noise'"),
    ),
)


def screen(results: JobResults, name: str = "", width: int = 120) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(PageOfTests(results, name))
    return stream.getvalue()


def test_every_test_stands_on_the_page_with_its_interval_or_its_reason() -> None:
    text = screen(PAGE)
    assert "2 of 4 tests have figures" in text
    assert "0.9000 [0.8500, 0.9400]" in " ".join(text.split())
    assert "39,818" in text
    assert "log loss: the model gives no probabilities" in text
    assert "Does not apply fairness no column of groups is named" in " ".join(text.split())
    assert "Not asked for" in text


def test_figures_are_of_the_native_baseline_on_one_agent_unless_another_is_named() -> None:
    assert "0.1000" not in screen(PAGE)
    assert "0.5000" not in screen(PAGE)
    assert "0.5000" in screen(PAGE, "other")
    with pytest.raises(RequestInvalidError, match="no candidate is called 'nobody'"):
        screen(PAGE, "nobody")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_words_from_a_model_are_plain_text_and_no_line_is_too_long(width: int) -> None:
    lines = screen(PAGE, width=width).splitlines()
    assert "[red]x" in "".join(lines)
    assert max(len(line.rstrip()) for line in lines) <= width


def test_what_was_never_read_has_no_tests() -> None:
    assert "no test was made" in screen(JobResults(job=JOB, standings=Standings()))


def test_what_is_of_all_rows_stands_before_what_is_of_single_classes() -> None:
    classes = tuple(
        result("native", "recall", 0.5, agent_id="a", statistic="class", label=f"class {number}")
        for number in range(60)
    )
    last = result("native", "brier", 0.125, agent_id="a")
    text = screen(
        JobResults(
            job=JOB, candidates=PAGE.candidates, results=(*classes, last), standings=Standings(), tests=PAGE.tests[:1]
        )
    )
    assert text.index("0.125") < text.index("class 0")
    assert "and 20 more: mltest-coordinator show 3f2a91c0 --json has them all" in text


def test_figures_of_the_same_classes_stand_side_by_side() -> None:
    found = tuple(
        result("native", metric, value, agent_id="a", statistic="class", label=label, low=value - 0.1, high=value + 0.1)
        for metric, values in {"precision": (0.5, 0.75), "recall": (0.25, 0.625)}.items()
        for label, value in zip(("cat", "dog"), values, strict=True)
    )
    lines = [" ".join(line.split()) for line in screen(of_quality(found)).splitlines()]
    assert "class precision recall" in lines
    assert "cat 0.5000 [0.4000, 0.6000] 0.2500 [0.1500, 0.3500]" in lines


def test_figures_that_miss_for_one_reason_share_a_line() -> None:
    noises = (
        result("native", "noise_accuracy", None, agent_id="a", statistic="curve", label=f"missing {size}", reason="NaN")
        for size in (0.1, 0.2)
    )
    others = (
        result("native", metric, None, agent_id="a", reason="no probabilities") for metric in ("log_loss", "brier")
    )
    lines = [line.strip() for line in screen(of_quality((*noises, *others))).splitlines()]
    assert "noise accuracy of missing 0.1, missing 0.2: NaN" in lines
    assert "log loss, brier: no probabilities" in lines


def test_a_wide_page_says_what_figures_mean_and_a_narrow_one_has_no_room() -> None:
    meaning = "share of rows with the right label"
    assert meaning in screen(PAGE, width=120)
    assert meaning not in screen(PAGE, width=80)


def test_a_mere_rounding_error_is_not_a_figure() -> None:
    tiny = result("native", "permutation_importance", 4e-17, agent_id="a", low=-0.01, high=0.01)
    assert "permutation importance 0 [-0.01, 0.01]" in " ".join(screen(of_quality((tiny,))).split())


def of_quality(results: tuple[Result, ...]) -> JobResults:
    return JobResults(job=JOB, candidates=PAGE.candidates, results=results, standings=Standings(), tests=PAGE.tests[:1])


def test_tests_that_are_asked_for_by_one_command_share_it() -> None:
    command = "ask for it: mltest-coordinator evaluate j --tests"
    tests = tuple(reported(name, ReportedTestState.NOT_CHOSEN, f"{command} '{name}'") for name in ("noise", "drift"))
    lines = [line.strip() for line in screen(JobResults(job=JOB, standings=Standings(), tests=tests)).splitlines()]
    assert f"noise {command} NAME" in lines
    assert "drift" in lines


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_name_of_a_test_is_broken_over_two_lines(width: int) -> None:
    names = ("permutation importance", "image corruption", "network bound", "robustness change")
    tests = tuple(reported(name, ReportedTestState.DOES_NOT_APPLY, "it is for other models") for name in names)
    text = screen(JobResults(job=JOB, standings=Standings(), tests=tests), width=width)
    assert all(name in text for name in names)
    assert text.count("it is for other models") == 1
