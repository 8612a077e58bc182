"""How often strangers are asked, and in which order."""

import random

import pytest

from mltest.coordinator.fleet.probe_budget import PROBES_PER_MINUTE, ProbeBudget

pytestmark = pytest.mark.promise(49)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_no_minute_has_more_probes_than_are_promised() -> None:
    clock = Clock()
    budget = ProbeBudget(clock)
    taken_s = []
    for tick in range(3000):
        clock.now_s = tick / 10
        while budget.take():
            taken_s.append(clock.now_s)
    assert max(sum(start <= one < start + 60 for one in taken_s) for start in taken_s) <= PROBES_PER_MINUTE


def test_agents_that_answer_cost_nothing() -> None:
    budget = ProbeBudget(Clock())
    for number in range(1000):
        assert budget.take()
        budget.answered(f"10.0.0.{number}:1")


def test_one_host_that_advertises_thousands_leaves_its_turn_to_others() -> None:
    leads = [f"10.0.0.66:{port}" for port in range(10_000)] + ["10.0.0.7:1", "10.0.0.8:1"]
    order = ProbeBudget(Clock()).in_turn(leads, str, random.Random(1))
    assert {"10.0.0.7:1", "10.0.0.8:1"} < set(order[:3])


def test_what_was_not_tried_yet_comes_before_what_failed() -> None:
    budget = ProbeBudget(Clock())
    leads = [f"10.0.0.66:{port}" for port in range(300)]
    first = budget.in_turn(leads, str, random.Random(1))[:100]
    for address in first:
        budget.failed(address)
    second = budget.in_turn(leads, str, random.Random(2))[:100]
    assert not set(first) & set(second)
