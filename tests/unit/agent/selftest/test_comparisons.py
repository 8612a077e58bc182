"""What is counted of candidates whose truth is known."""

import math
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from scipy.stats import t as student_t  # type: ignore[import-untyped]  # no types are published with it

from mltest.agent.selftest.comparisons import (
    QUICK,
    STANDARD,
    compared,
    coverage,
    false_differences,
    familywise_splits,
    half_width,
    identical,
    is_over,
    power,
    rounds_used,
    stopped,
    tier_count,
)
from mltest.shared.statistics.paired import effect_of
from mltest.shared.statistics.stopping import StopRule
from tests.unit.agent.selftest.recorded import SIX, WITH_SLOWED, one_window


def half_width_by_scipy(logs: list[float]) -> float:
    half = student_t.ppf(0.975, len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(half) - 1


def test_a_comparison_stops_at_the_first_width_that_is_small_enough() -> None:
    logs = [0.2, -0.2, *([0.01, -0.01] * 14)]
    rule = StopRule(min_rounds=4, max_rounds=30, half_width=0.05)
    expected = next(n for n in range(4, 31) if half_width_by_scipy(logs[:n]) <= 0.05)
    effect = stopped(logs, rule)
    assert effect is not None
    assert len(effect.logs) == expected > 4


def test_a_comparison_that_never_gets_precise_stops_at_the_most_rounds() -> None:
    rule = StopRule(min_rounds=3, max_rounds=6, half_width=0.001)
    wild = [0.5, -0.5] * 10
    assert stopped(wild[:5], rule) is None
    effect = stopped(wild, rule)
    assert effect is not None
    assert len(effect.logs) == 6


def test_identical_candidates_are_compared_in_disjoint_pairs_and_slowed_ones_with_what_is_wrapped_alike() -> None:
    window = one_window(30, WITH_SLOWED, spread=0.01)
    assert identical(window) == sorted(SIX)
    found = compared(window, STANDARD)
    assert [one.truth_ratio for one in found] == [1, 1, 1, 1.05, 1.1]
    assert fmean(one.effect.ratio / one.truth_ratio for one in found) == pytest.approx(1, abs=0.02)


def test_a_window_is_over_when_everything_in_it_was_decided() -> None:
    assert not is_over(one_window(STANDARD.min_rounds - 1, WITH_SLOWED, spread=0.001), STANDARD)
    assert is_over(one_window(STANDARD.min_rounds, WITH_SLOWED, spread=0.001), STANDARD)
    assert not is_over(one_window(STANDARD.min_rounds, WITH_SLOWED, spread=0.3), STANDARD)
    assert is_over(one_window(STANDARD.max_rounds, WITH_SLOWED, spread=0.3), STANDARD)


def test_six_identical_candidates_are_one_tier_and_a_slower_one_is_another() -> None:
    assert tier_count(one_window(12, SIX, spread=0.005), STANDARD) == 1
    assert tier_count(one_window(12, {**SIX, "a6": 1.2}, spread=0.005), STANDARD) == 2
    assert tier_count(one_window(3, SIX, spread=0.005), STANDARD) is None
    assert tier_count(one_window(12, {"a1": 1.0, "a2": 1.0}, spread=0.005), STANDARD) is None


def test_shares_count_what_they_say() -> None:
    found = [
        one for seed in range(6) for one in compared(one_window(30, WITH_SLOWED, spread=0.01, seed=seed), STANDARD)
    ]
    same = [one for one in found if one.truth_ratio == 1]
    false = false_differences(found)
    assert (false.count, false.of_count) == (sum(one.is_different for one in same), 18)
    assert false.is_met
    assert power(found, 5, None).of_count == power(found, 10, None).of_count == 6
    assert power(found, 10, None).value == 1
    assert coverage(found).of_count == 30
    assert rounds_used(found).value == 10


def test_a_false_difference_and_a_wrong_sign_are_counted_against_it() -> None:
    lying = compared(one_window(12, {"a1": 1.0, "a2": 1.0, "s0": 1.3, "s5": 1.05}, spread=0.002), STANDARD)
    moved = [replace(one, truth_ratio=1.0) for one in lying if one.truth_ratio != 1]
    assert false_differences(moved).value == 1
    assert coverage(moved).value == 0
    faster = [replace(one, truth_ratio=1.05) for one in lying if one.truth_ratio != 1]
    assert power(faster, 5, None).value == 0


def test_the_half_width_is_that_of_the_fewest_rounds() -> None:
    found = compared(one_window(30, SIX, spread=0.05), STANDARD)
    expected = sorted(half_width_by_scipy(list(one.effect.logs[:10])) for one in found)[1]
    assert half_width(found, STANDARD).value == pytest.approx(expected, rel=1e-6)


def test_nothing_measured_is_no_figure() -> None:
    for finding in (false_differences([]), coverage([]), half_width([], QUICK), rounds_used([]), familywise_splits([])):
        assert finding.value is None
        assert not finding.is_met
    assert effect_of([]) is None
