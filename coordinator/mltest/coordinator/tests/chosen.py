"""The tests of a job: those that its plan names, or all that apply to its model and data."""

from dataclasses import fields, replace

from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.planning.profiles import PROFILES
from mltest.coordinator.tests.registry import class_of, default_tests
from mltest.coordinator.tests.scenarios import with_scenarios
from mltest.coordinator.tests.tolerance import with_tolerance
from mltest.shared.domain import ModelInfo


def chosen_tests(plan: Plan, model: ModelInfo, *, has_target: bool) -> tuple[TestChoice, ...]:
    """Return the tests of `plan`; without any, the default ones as its profile has them; and its scenarios."""
    tests = plan.tests or _default_tests(plan, model, has_target=has_target)
    return with_tolerance(with_scenarios(tests, plan.scenarios), plan)


def _default_tests(plan: Plan, model: ModelInfo, *, has_target: bool) -> tuple[TestChoice, ...]:
    tests = default_tests(model, has_target=has_target)
    if not PROFILES[plan.profile].is_one_batch_size:
        return tests
    return tuple(_with_batch_size(test, plan.objective.batch_size or 1) for test in tests)


def _with_batch_size(test: TestChoice, batch_size: int) -> TestChoice:
    names = {item.name for item in fields(class_of(test))}  # type: ignore[arg-type]  # every test is a dataclass
    return replace(test, params={"batch_sizes": (batch_size,)}) if "batch_sizes" in names else test
