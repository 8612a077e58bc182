"""Joules within a window, from raw readings."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.reading import Absent, Reading
from mltest.shared.energy.window_energy import WindowEnergy, window_energy
from tests.unit.shared.energy.meters import COUNTER, DRAM, PACKAGE, POWER, WRAP_J, counted, reading_of, window

ONE = Boundary(COUNTER, "cpu.package", (PACKAGE.id,))
BOARD = Boundary(POWER, "board", ("board",))


def measured(found: WindowEnergy | Absent) -> WindowEnergy:
    assert isinstance(found, WindowEnergy), found
    return found


def reason(found: WindowEnergy | Absent) -> str:
    assert isinstance(found, Absent)
    return found.reason


def test_a_counter_gives_the_difference_of_its_ends() -> None:
    found = measured(window_energy(ONE, counted([(0, 5.0), (1, 7.0), (2, 47.0), (3, 48.0)]), window(1, 2)))

    assert (found.energy_j, found.duration_s, found.power_w) == (40.0, 1.0, 40.0)


def test_a_counter_that_wraps_within_the_window_goes_on() -> None:
    readings = counted([(0, WRAP_J - 10.0), (1, 30.0)])

    assert measured(window_energy(ONE, readings, window(0, 1))).energy_j == pytest.approx(40.0, abs=1e-9)


@given(st.lists(st.floats(1e-3, 0.24 * WRAP_J), min_size=1, max_size=12), st.floats(0, WRAP_J * 0.999))
def test_any_course_is_recovered_as_long_as_the_heartbeat_holds(steps_j: list[float], start_j: float) -> None:
    totals = list(itertools.accumulate(steps_j, initial=start_j))
    readings = counted([(10.0 * index, total % WRAP_J) for index, total in enumerate(totals)])

    found = measured(window_energy(ONE, readings, window(0, 10.0 * len(steps_j))))

    assert found.energy_j == pytest.approx(sum(steps_j), abs=1e-6)


def test_a_missed_heartbeat_is_absent_because_a_wrap_may_have_been_missed() -> None:
    assert "may have wrapped unseen" in reason(window_energy(ONE, counted([(0, 0.0), (21, 5.0)]), window(0, 21)))


def test_a_counter_that_does_not_wrap_and_goes_back_was_reset() -> None:
    without_wrap = replace(COUNTER, domains=(replace(PACKAGE, wrap_j=None),))
    never = Boundary(without_wrap, "cpu.package", (PACKAGE.id,))

    found = window_energy(never, counted([(0, 900.0), (1, 3.0)]), window(0, 1))

    assert reason(found) == "the counter cpu.package-0 started again"


@pytest.mark.parametrize("begins_at_j", [0.0, 30.0, 899.0])
def test_a_counter_that_began_anew_far_from_its_end_did_not_wrap(begins_at_j: float) -> None:
    # Taken for a wrap it would be thousands of joules in a second.
    found = window_energy(ONE, counted([(0, 900.0), (1, begins_at_j), (2, begins_at_j + 40.0)]), window(0, 2))

    assert reason(found) == "the counter cpu.package-0 started again"


def test_a_counter_that_stands_still_is_absent_and_not_zero() -> None:
    # Virtual machines may have counters that nobody counts up.
    found = window_energy(ONE, counted([(0, 5.0), (1, 5.0)]), window(0, 1))

    assert reason(found) == "the counter cpu.package-0 stood still for 1 s"


def test_a_window_without_a_reading_at_its_end_is_absent() -> None:
    assert "at the ends" in reason(window_energy(ONE, counted([(0, 0.0), (1.2, 9.0)]), window(0, 1)))
    assert "around the window" in reason(window_energy(ONE, counted([(0, 0.0), (0.9, 9.0)]), window(0, 1)))


def test_a_reading_that_took_too_long_counts_for_nothing() -> None:
    slow = reading_of({PACKAGE.id: 5.0}, 1.0, took_s=0.005)

    found = window_energy(ONE, [*counted([(0, 0.0)]), slow], window(0, 1))

    assert "around the window" in reason(found)


def test_a_sample_of_power_may_take_as_long_as_its_period() -> None:
    readings = [reading_of({"board": 5.0}, index / 200, took_s=0.004) for index in range(11)]

    assert measured(window_energy(BOARD, readings, window(0.01, 0.04))).power_w == pytest.approx(5.0)


def test_a_domain_that_could_not_be_read_is_absent_with_that_reason() -> None:
    broken = Reading(begin_ns=10**9, end_ns=10**9, values={}, absent={PACKAGE.id: "Input/output error"})

    found = window_energy(ONE, [*counted([(0, 0.0)]), broken], window(0, 1))

    assert reason(found) == "cpu.package-0 was not read around the window: Input/output error"


def test_domains_of_a_boundary_wrap_each_for_itself() -> None:
    both = Boundary(COUNTER, "cpu.package+dram", (PACKAGE.id, DRAM.id))
    readings = [
        reading_of({PACKAGE.id: WRAP_J - 1.0, DRAM.id: 10.0}, 0.0),
        reading_of({PACKAGE.id: 4.0, DRAM.id: 12.0}, 1.0),
    ]

    assert measured(window_energy(both, readings, window(0, 1))).energy_j == pytest.approx(7.0, abs=1e-9)


def test_power_is_integrated_and_cut_at_the_ends_of_the_window() -> None:
    # 2 W per second, from 0: the integral from 0.25 s to 0.75 s is 0.75² - 0.25² joules.
    readings = [reading_of({"board": 2.0 * at_s}, at_s) for at_s in (index / 100 for index in range(101))]

    found = measured(window_energy(BOARD, readings, window(0.25, 0.75)))

    assert found.energy_j == pytest.approx(0.75**2 - 0.25**2)
    assert found.duration_s == 0.5


def test_a_gap_in_the_samples_is_absent() -> None:
    readings = [reading_of({"board": 5.0}, at_s) for at_s in (0.0, 0.01, 0.02, 0.06, 0.07, 0.08)]

    assert reason(window_energy(BOARD, readings, window(0.0, 0.08))) == "board was not read for 0.04 s"
