"""The tests of a job: those that its plan names, or all that apply to its model and data."""

from collections.abc import Sequence
from dataclasses import fields, replace

from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.planning.profiles import PROFILES
from mltest.coordinator.tests.registry import (
    Test,
    choice_of,
    class_of,
    default_tests,
    is_default,
    nearest,
    registered_tests,
)
from mltest.coordinator.tests.scenarios import with_scenarios
from mltest.coordinator.tests.tolerance import with_tolerance
from mltest.shared.domain import ModelInfo
from mltest.shared.errors import PlanInvalidError

ALL, DEFAULT = "all", "default"
"""Names that stand for many tests."""


def chosen_tests(plan: Plan, model: ModelInfo, *, has_target: bool, has_groups: bool = False) -> tuple[TestChoice, ...]:
    """Return the tests of `plan`, also those that do not apply; without any, the default ones; and its scenarios."""
    tests = (*plan.tests, *_named(plan, plan.tests))
    if not tests:
        tests = _of_profile(default_tests(model, has_target=has_target, has_groups=has_groups), plan)
    return with_tolerance(with_scenarios(tests, plan.scenarios), plan)


def asked_by(test_class: type[Test]) -> str:
    """Return the argument that asks for a test which "all" leaves out, because it takes long; else nothing."""
    return str(getattr(test_class, "asked_by", ""))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` if each is that of a test, or stands for many (PlanInvalidError otherwise, with the nearest)."""
    known = tuple(dict.fromkeys((ALL, DEFAULT, *(found.name for found in registered_tests()))))
    for name in names:
        if name not in known:
            raise PlanInvalidError(detail=f"there is no test {name!r}; {nearest(name, known)}")
    return tuple(names)


def _named(plan: Plan, given: Sequence[TestChoice]) -> tuple[TestChoice, ...]:
    """Return the tests that `plan` names, without those that are `given` with parameters of their own."""
    names = checked_names(plan.test_names)
    known = {class_of(choice) for choice in given}
    wanted = [
        found
        for found in registered_tests()
        if found not in known
        and (found.name in names or (ALL in names and not asked_by(found)) or (DEFAULT in names and is_default(found)))
    ]
    return _of_profile([choice_of(found) for found in wanted], plan)


def _of_profile(tests: Sequence[TestChoice], plan: Plan) -> tuple[TestChoice, ...]:
    if not PROFILES[plan.profile].is_one_batch_size:
        return tuple(tests)
    return tuple(_with_batch_size(test, plan.objective.batch_size or 1) for test in tests)


def _with_batch_size(test: TestChoice, batch_size: int) -> TestChoice:
    names = {item.name for item in fields(class_of(test))}  # type: ignore[arg-type]  # every test is a dataclass
    return replace(test, params={"batch_sizes": (batch_size,)}) if "batch_sizes" in names else test
