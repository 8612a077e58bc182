"""Warming up, with calls that move the clock themselves."""

from collections.abc import Callable

import pytest

from mltest.agent.worker.warm_up import (
    CALLS,
    CALLS_OF_SLOW,
    EXTENSION_LIMIT_NS,
    EXTENSIONS,
    STAGE_LIMIT_NS,
    warmed,
)

MS, S = 10**6, 10**9


class Machine:
    """Its calls take what `length_ns` says of their number, counted from 0."""

    def __init__(self, length_ns: Callable[[int], int]) -> None:
        self.now_ns = 0
        self.calls = 0
        self._length_ns = length_ns

    def call(self) -> object:
        self.now_ns += self._length_ns(self.calls)
        self.calls += 1
        return None

    def clock(self) -> int:
        return self.now_ns


def test_steady_quick_calls_take_the_time_that_was_asked_for() -> None:
    machine = Machine(lambda _: 50_000)
    warm_up = warmed(machine.call, 100 * MS, machine.clock)
    assert machine.now_ns == 100 * MS
    assert (warm_up.call_ns, warm_up.is_steady) == (50_000, True)


def test_slower_calls_are_made_a_hundred_times() -> None:
    machine = Machine(lambda _: 20 * MS)
    assert warmed(machine.call, 100 * MS, machine.clock).is_steady
    assert machine.calls == CALLS


@pytest.mark.parametrize(("call_ns", "warmup_ns"), [(150 * MS, 100 * MS), (5 * MS, 1 * MS), (1, 0)])
def test_of_calls_as_slow_as_a_warm_up_few_are_enough(call_ns: int, warmup_ns: int) -> None:
    machine = Machine(lambda _: call_ns)
    assert warmed(machine.call, warmup_ns, machine.clock).is_steady
    assert machine.calls == CALLS_OF_SLOW


def test_calls_of_many_seconds_are_bounded() -> None:
    machine = Machine(lambda _: 20 * S)
    warm_up = warmed(machine.call, 100 * MS, machine.clock)
    assert machine.now_ns < STAGE_LIMIT_NS + 20 * S
    assert not warm_up.is_steady


def test_calls_that_become_steady_are_given_the_time_for_that() -> None:
    # 60 ms of calls that are twice as slow as those that follow.
    machine = Machine(lambda number: 100_000 if number < 600 else 50_000)
    warm_up = warmed(machine.call, 100 * MS, machine.clock)
    assert (warm_up.call_ns, warm_up.is_steady) == (50_000, True)
    assert machine.now_ns == 200 * MS


def test_one_slow_first_call_is_not_unsteady() -> None:
    machine = Machine(lambda number: 50 * MS if number == 0 else 50_000)
    assert warmed(machine.call, 100 * MS, machine.clock).is_steady
    assert machine.calls <= 1_100


def test_calls_that_get_slower_for_ever_are_flagged_and_end() -> None:
    machine = Machine(lambda number: 1_000 * (number + 1))
    warm_up = warmed(machine.call, 10 * MS, machine.clock)
    assert not warm_up.is_steady
    assert EXTENSIONS * 10 * MS <= machine.now_ns < 2 * EXTENSIONS * 10 * MS


def test_an_extension_has_an_end_for_long_warm_ups_too() -> None:
    machine = Machine(lambda number: MS if number % 3_000 < 1_500 else 3 * MS)
    warmed(machine.call, 2 * S, machine.clock)
    assert machine.now_ns <= EXTENSION_LIMIT_NS + 4 * S


@pytest.mark.parametrize(("drift", "is_steady"), [(0.04, True), (0.12, False)])
def test_a_drift_of_five_percent_between_thirds_is_the_border(drift: float, is_steady: bool) -> None:
    # The three thirds of one stage of a thousand calls; the middle one lies between the two others.
    steps = Machine(lambda number: round(100_000 * (1 + drift * ((number % 1_000) // 334) / 2)))
    assert warmed(steps.call, 100 * MS, steps.clock).is_steady is is_steady


def test_very_many_calls_are_thinned_out_evenly() -> None:
    # 200,000 calls; the last third is slower, and is seen although only some thousand times are kept.
    machine = Machine(lambda number: 1_000 if number < 70_000 else 2_000)
    warm_up = warmed(machine.call, 200 * MS, machine.clock)
    assert warm_up.call_ns == 2_000
    assert machine.calls > 130_000
