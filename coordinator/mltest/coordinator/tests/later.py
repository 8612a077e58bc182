"""Which tests can be made of a job that is over. Pure."""

from dataclasses import replace

from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.chosen import ALL, DEFAULT, chosen_tests
from mltest.coordinator.tests.registry import Test, class_of, is_sample_test, registered_tests
from mltest.shared.domain import DatasetInfo, ModelInfo
from mltest.shared.errors import PlanInvalidError


def later_plan(plan: Plan, asked: Plan, model: ModelInfo, dataset: DatasetInfo, *, replaces: bool = False) -> Plan:
    """Return `plan` with the tests of `asked` besides its own, or in place of the same ones.

    Args:
        plan: of the job.
        asked: only its tests count; without any they are the default ones.
        model: of the job.
        dataset: of the job.
        replaces: whether parameters in `asked` count also for tests that are in `plan`.

    Raises:
        PlanInvalidError: a test is asked for by name or with parameters that only agents can make.

    """
    _check_needs_no_agent(asked)
    has_target, has_groups = dataset.has_target, bool(dataset.group_counts)
    own, wanted = (
        chosen_tests(one, model, has_target=has_target, has_groups=has_groups)
        for one in (plan, replace(plan, tests=asked.tests, test_names=asked.test_names, scenarios=()))
    )
    makeable = [choice for choice in wanted if not is_sample_test(class_of(choice))]
    given = {class_of(choice): choice for choice in asked.tests} if replaces else {}
    kept = [given.get(class_of(choice), choice) for choice in own]
    known = {class_of(choice) for choice in kept}
    added = [choice for choice in makeable if class_of(choice) not in known]
    return replace(plan, tests=(*kept, *added), test_names=(), scenarios=())


def renewable_names(asked: Plan, model: ModelInfo, dataset: DatasetInfo) -> frozenset[str]:
    """Return the names of the tests of `asked` that can be made anew: no agent is needed, and they are not the gate.

    What the gate said of predictions decides which rows are looked at, and it never breaks alone.
    """
    has_target, has_groups = dataset.has_target, bool(dataset.group_counts)
    found = [class_of(choice) for choice in chosen_tests(asked, model, has_target=has_target, has_groups=has_groups)]
    return frozenset(one.name for one in found if not is_sample_test(one) and one is not Agreement)


def _check_needs_no_agent(asked: Plan) -> None:
    named = [found for found in registered_tests() if found.name in set(asked.test_names) - {ALL, DEFAULT}]
    makeable = {found.name for found in named if not is_sample_test(found)}
    refused = [found.name for found in (*named, *_classes(asked.tests)) if is_sample_test(found)]
    for name in refused:
        if name not in makeable:
            raise PlanInvalidError(
                detail=f"the test {name!r} takes measurements of agents, and nothing is measured here",
                next_step=f"measure again: mltest-coordinator submit MODEL --data FILE --tests 'default,{name}'",
            )


def _classes(choices: tuple[TestChoice, ...]) -> list[type[Test]]:
    return [class_of(choice) for choice in choices]
