"""From what a user lets differ to the test that is the gate."""

import pytest

from mltest.coordinator.planning import plan as plans
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.registry import choice_of, make_test
from mltest.coordinator.tests.size import Size
from mltest.coordinator.tests.tolerance import with_tolerance
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.evidence import MODEL


def gates(tests: tuple[plans.TestChoice, ...]) -> list[Agreement]:
    return [test for test in map(make_test, tests) if isinstance(test, Agreement)]


def test_without_a_tolerance_the_tests_stay_as_they_are() -> None:
    assert with_tolerance((choice_of(Size),), Plan()) == (choice_of(Size),)


def test_a_tolerance_reaches_the_gate_among_the_default_tests() -> None:
    plan = Plan(min_label_agreement=0.999, max_abs_difference=1e-3)
    tests = chosen_tests(plan, MODEL, has_target=True)
    assert gates(tests) == [Agreement(min_label_agreement=0.999, max_abs_difference=1e-3)]
    assert len(tests) == len(chosen_tests(Plan(), MODEL, has_target=True))


def test_a_plan_with_tests_but_no_gate_gets_one() -> None:
    assert gates(with_tolerance((choice_of(Size),), Plan(max_abs_difference=0.1))) == [
        Agreement(max_abs_difference=0.1)
    ]


def test_what_the_gate_in_the_plan_says_itself_stays() -> None:
    own = choice_of(Agreement, {"max_abs_difference": 0.5})
    assert gates(with_tolerance((own,), Plan(max_abs_difference=0.1, min_label_agreement=0.9))) == [
        Agreement(min_label_agreement=0.9, max_abs_difference=0.5)
    ]


def test_a_plan_keeps_its_tolerances_as_text() -> None:
    plan = Plan(min_label_agreement=0.999, max_abs_difference=1e-3)
    assert parse_plan(plan_toml(plan)) == plan


@pytest.mark.parametrize("line", ["min_label_agreement = 1.5", "max_abs_difference = -1", "max_abs_difference = nan"])
def test_a_tolerance_that_makes_no_sense_is_refused(line: str) -> None:
    with pytest.raises(PlanInvalidError):
        parse_plan(f"[gate]\n{line}")
