from dataclasses import replace

import pytest

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.quality import ClassificationQuality
from mltest.coordinator.tests.registry import choice_of, default_tests, registered_tests
from mltest.coordinator.tests.reports import reports_of
from mltest.shared.domain import (
    DatasetInfo,
    FileRef,
    JobInfo,
    JobSpec,
    JobState,
    ReportedTest,
    ReportedTestState,
    Result,
    Task,
)
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.builder.test_recipes import FOREST

DATA = DatasetInfo(row_count=9, source_row_count=9, feature_count=2, dtype="float64", has_target=True, sha256="")


def names(plan: Plan) -> set[str]:
    return {found.class_name for found in chosen_tests(plan, FOREST, has_target=True)}


def test_all_is_every_test_but_those_that_a_scenario_asks_for() -> None:
    everything = {found.__qualname__ for found in registered_tests()}
    assert everything - names(Plan(test_names=("all",))) == {"Offline", "OpenLoop"}
    assert "OpenLoop" in names(Plan(test_names=("open loop",)))


def test_names_are_these_tests_and_no_others() -> None:
    assert names(Plan(test_names=("trees", "dataset"))) == {"TreeProperties", "DatasetProperties"}
    with_defaults = names(Plan(test_names=("default", "permutation importance")))
    assert with_defaults >= {"Latency", "PermutationImportance"}
    assert {found.class_name for found in default_tests(FOREST, has_target=True)} <= with_defaults


def test_a_test_with_parameters_of_its_own_is_not_made_twice() -> None:
    own = choice_of(ClassificationQuality, {"resamples": 10})
    chosen = chosen_tests(Plan(tests=(own,), test_names=("all",)), FOREST, has_target=True)
    assert [found for found in chosen if found.class_name == "ClassificationQuality"] == [own]


def test_a_plan_keeps_the_names_and_refuses_unknown_ones() -> None:
    plan = Plan(test_names=("all", "label attack"))
    assert parse_plan(plan_toml(plan)) == plan
    with pytest.raises(PlanInvalidError, match="nearest valid one is 'fairness'"):
        parse_plan('[job]\ntest_names = ["fairnes"]')


def report(name: str, reports: tuple[ReportedTest, ...]) -> ReportedTest:
    (found,) = (one for one in reports if one.class_name == name)
    return found


def job(**changes: object) -> JobInfo:
    spec = JobSpec(model=FileRef(name="m", sha256=""), data=())
    values: dict[str, object] = {"model": FOREST, "dataset": DATA, "state": JobState.DONE, **changes}
    return JobInfo(job_id="j", created_unix_ns=0, spec=spec, **values)  # type: ignore[arg-type]


def test_every_test_is_reported_with_its_state_and_a_reason() -> None:
    results = [Result(candidate_id="", test="trees", metric="tree_count", value=3.0)]
    reports = reports_of(job(), Plan(), results)
    assert len(reports) == len(registered_tests())
    trees = report("TreeProperties", reports)
    assert (trees.state, trees.value_count, trees.reason) == (ReportedTestState.DONE, 1, "")
    assert trees.meaning
    vectors = report("SupportVectors", reports)
    assert vectors.state is ReportedTestState.DOES_NOT_APPLY
    assert vectors.reason == "it is for svm, and this model is of the family forest"
    assert "--group COLUMN" in report("Fairness", reports).reason
    assert (
        report("PermutationImportance", reports).reason
        == "ask for it: mltest-coordinator evaluate j --tests 'permutation importance'"
    )
    assert "submit MODEL --data FILE --scenario open-loop:RATE" in report("OpenLoop", reports).reason
    quality = report("ClassificationQuality", reports)
    assert (quality.state, bool(quality.reason)) == (ReportedTestState.NO_VALUE, True)
    assert all(one.reason for one in reports if one.state is not ReportedTestState.DONE)


def test_a_job_that_goes_on_is_not_evaluated_but_submitted_with_the_test() -> None:
    reports = reports_of(job(state=JobState.RUNNING), Plan(), ())
    assert report("Noise", reports).reason == "ask for it: --tests 'default,noise'"
    assert report("Footprint", reports).reason == "ask for it: --tests 'default,footprint'"
    over = report("Footprint", reports_of(job(), Plan(), ()))
    assert over.reason == "ask for it: mltest-coordinator submit MODEL --data FILE --tests 'default,footprint'"


def test_the_test_of_another_task_does_not_take_the_figures_of_its_namesake() -> None:
    results = [Result(candidate_id="c", test="quality", metric="accuracy", value=1.0)]
    reports = reports_of(job(), Plan(), results)
    assert report("ClassificationQuality", reports).state is ReportedTestState.DONE
    other = report("RegressionQuality", reports)
    assert (other.state, other.value_count) == (ReportedTestState.DOES_NOT_APPLY, 0)
    assert other.reason == "it is for regression, and this is classification"
    assert report("RegressionQuality", reports_of(job(model=replace(FOREST, task=Task.REGRESSION)), Plan(), ())).reason


def test_a_named_group_lets_fairness_be_made() -> None:
    grouped = job(dataset=replace(DATA, group_counts={"a": 4, "b": 5}))
    assert report("Fairness", reports_of(grouped, Plan(), ())).state is ReportedTestState.NO_VALUE


def test_a_test_that_broke_says_how() -> None:
    results = [Result(candidate_id="", test="trees", metric="broken_test", reason="the test broke (ValueError: x)")]
    assert report("TreeProperties", reports_of(job(), Plan(), results)).reason == "the test broke (ValueError: x)"


def test_nothing_is_reported_before_the_model_was_read() -> None:
    assert reports_of(job(model=None), Plan(), ()) == ()
