"""Every test of the registry, and what became of it in a job. Pure."""

from collections.abc import Collection, Sequence

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.chosen import asked_by, chosen_tests
from mltest.coordinator.tests.registry import (
    Test,
    choice_of,
    class_of,
    is_candidate_test,
    is_model_test,
    is_sample_test,
    obstacle,
    registered_tests,
)
from mltest.shared.domain import DatasetInfo, JobInfo, ModelInfo, ReportedTest, ReportedTestState, Result


def reports_of(job: JobInfo, plan: Plan, results: Sequence[Result]) -> tuple[ReportedTest, ...]:
    """Return one report for each test; none before model and data were read.

    Args:
        job: with its model and dataset.
        plan: of the job.
        results: of every candidate, and of the model and its data.

    """
    if job.model is None or job.dataset is None:
        return ()
    has_groups = bool(job.dataset.group_counts)
    choices = chosen_tests(plan, job.model, has_target=job.dataset.has_target, has_groups=has_groups)
    chosen = {class_of(choice) for choice in choices} | {Agreement}
    return tuple(_report(found, chosen, job, job.model, job.dataset, results) for found in registered_tests())


def _report(
    test_class: type[Test],
    chosen: Collection[type[Test]],
    job: JobInfo,
    model: ModelInfo,
    dataset: DatasetInfo,
    results: Sequence[Result],
) -> ReportedTest:
    against = obstacle(test_class.needs, model, has_target=dataset.has_target, has_groups=bool(dataset.group_counts))
    own = [result for result in results if result.test == test_class.name]
    value_count = sum(result.value is not None for result in own)
    if against:
        state, reason, value_count = ReportedTestState.DOES_NOT_APPLY, against, 0
    elif test_class not in chosen and not own:
        state, reason, value_count = ReportedTestState.NOT_CHOSEN, f"ask for it: {_asking(test_class, job)}", 0
    elif value_count:
        state, reason = ReportedTestState.DONE, ""
    else:
        state, reason = (
            ReportedTestState.NO_VALUE,
            next((one.reason for one in own if one.reason), _nothing(test_class, job)),
        )
    choice = choice_of(test_class)
    return ReportedTest(
        name=test_class.name,
        module=choice.module,
        class_name=choice.class_name,
        meaning=_meaning(test_class),
        state=state,
        reason=reason,
        value_count=value_count,
    )


def _asking(test_class: type[Test], job: JobInfo) -> str:
    """Return the command that has a test made: of what is stored, if the job is over and nothing need be measured."""
    if job.state.is_over and not is_sample_test(test_class):
        return f"mltest-coordinator evaluate {job.job_id} --tests '{test_class.name}'"
    asked = asked_by(test_class) or f"--tests 'default,{test_class.name}'"
    return f"mltest-coordinator submit MODEL --data FILE {asked}" if job.state.is_over else asked


def _nothing(test_class: type[Test], job: JobInfo) -> str:
    if is_model_test(test_class):
        return f"the job stopped before it was made: mltest-coordinator resume {job.job_id}"
    if is_candidate_test(test_class):
        return "no lossy candidate was made: submit with --transform all makes some"
    return "no candidate has sent what it needs"


def _meaning(test_class: type[Test]) -> str:
    """Return the first paragraph of its docstring."""
    first = (test_class.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(first.split())[:300]
