"""How much measuring a plan asks for."""

import pytest

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import (
    PROFILES,
    SAMPLE_BUDGET_VALUES,
    first_rounds,
    most_rounds,
    slice_values,
    stop_rule,
)


def test_a_fixed_number_of_rounds_has_no_stop_rule() -> None:
    plan = Plan(rounds=4)

    assert stop_rule(plan) is None
    assert first_rounds(plan) == most_rounds(plan) == 4


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_begins_with_its_fewest_rounds_and_with_a_budget_decides_after_each(name: str) -> None:
    assert first_rounds(Plan(profile=name)) == PROFILES[name].min_rounds
    assert first_rounds(Plan(profile=name, budget_s=60)) == 1


def test_a_width_of_the_user_goes_before_that_of_the_profile() -> None:
    rule = stop_rule(Plan(half_width_ratio=0.2))

    assert rule is not None
    assert rule.half_width == 0.2


@pytest.mark.parametrize("name", ["quick", "standard"])
@pytest.mark.parametrize("cells", [1, 5, 20])
def test_a_candidate_stores_no_more_values_than_two_megabytes_hold(name: str, cells: int) -> None:
    plan = Plan(profile=name)

    assert slice_values(plan, cells, 24) * cells * 24 * most_rounds(plan) <= max(
        SAMPLE_BUDGET_VALUES, 50 * cells * 24 * most_rounds(plan)
    )
