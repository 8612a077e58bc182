"""What a plan lets candidates differ by from the native model, brought to the test that is the gate."""

from collections.abc import Sequence
from dataclasses import replace

from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.registry import choice_of, class_of, make_test


def with_tolerance(tests: Sequence[TestChoice], plan: Plan) -> tuple[TestChoice, ...]:
    """Return `tests` with the tolerances of `plan` in the check of agreement, which is added if there is none.

    What the check of a plan's own tests says itself stays.

    Raises:
        PlanInvalidError: a tolerance makes no sense.

    """
    strict = Plan()
    names = ("min_label_agreement", "max_abs_difference", "lossy_max_differing_ratio", "lossy_max_quality_loss")
    wanted = {name: getattr(plan, name) for name in names if getattr(plan, name) != getattr(strict, name)}
    if not wanted:
        return tuple(tests)
    has_gate = any(class_of(test) is Agreement for test in tests)
    found = tests if has_gate else (*tests, choice_of(Agreement))
    changed = tuple(
        replace(test, params={**wanted, **test.params}) if class_of(test) is Agreement else test for test in found
    )
    for test in changed:
        make_test(test)
    return changed
