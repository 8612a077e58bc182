"""The ratio of two independent sets of rounds, against SciPy."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.coordinator.analysis.unpaired import unpaired_ratio

ROUNDS = st.lists(st.floats(-1, 1), min_size=3, max_size=12).filter(lambda logs: np.std(logs) > 1e-3)


@given(ROUNDS, ROUNDS)
def test_ratio_interval_and_p_are_those_of_welch(before: list[float], after: list[float]) -> None:
    found = unpaired_ratio(before, after)
    expected = stats.ttest_ind(after, before, equal_var=False)
    degrees = max(1, math.floor(expected.df + 1e-9))
    error = math.sqrt(np.var(before, ddof=1) / len(before) + np.var(after, ddof=1) / len(after))
    low, high = stats.t.interval(0.95, degrees, loc=np.mean(after) - np.mean(before), scale=error)

    assert found is not None
    assert found.interval is not None
    assert found.ratio == pytest.approx(math.exp(np.mean(after) - np.mean(before)))
    assert (math.log(found.interval.low), math.log(found.interval.high)) == pytest.approx((low, high), abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(expected.statistic), degrees), abs=1e-9)
    assert found.p_value >= expected.pvalue - 1e-9


def test_a_single_round_has_a_ratio_that_nothing_can_be_claimed_from() -> None:
    found = unpaired_ratio([0.0], [1.0, 1.0])

    assert found is not None
    assert found.ratio == pytest.approx(math.e)
    assert found.interval is None
    assert not found.is_claimed(0.05, family_size=1, alpha=0.05)


def test_without_rounds_there_is_no_ratio() -> None:
    assert unpaired_ratio([], [1.0]) is None
    assert unpaired_ratio([1.0], []) is None


def test_rounds_without_any_spread_are_told_apart_if_they_differ() -> None:
    same, other = unpaired_ratio([0.5] * 3, [0.5] * 3), unpaired_ratio([0.5] * 3, [0.6] * 3)

    assert same is not None
    assert other is not None
    assert not same.is_claimed(0.05, family_size=1, alpha=0.05)
    assert other.is_claimed(0.05, family_size=1, alpha=0.05)


def test_what_is_certain_but_small_is_not_claimed() -> None:
    found = unpaired_ratio([0.0, 0.001, -0.001] * 3, [0.03, 0.031, 0.029] * 3)

    assert found is not None
    assert found.p_value < 1e-6
    assert not found.is_claimed(0.05, family_size=1, alpha=0.05)
    assert found.is_claimed(0.02, family_size=1, alpha=0.05)


def test_a_larger_family_asks_for_more() -> None:
    randomness = random.Random(4)
    before = [randomness.gauss(0, 0.1) for _ in range(6)]
    after = [randomness.gauss(0.16, 0.1) for _ in range(6)]
    found = unpaired_ratio(before, after)

    assert found is not None
    assert 0.001 < found.p_value < 0.05
    assert found.is_claimed(0.05, family_size=1, alpha=0.05)
    assert not found.is_claimed(0.05, family_size=50, alpha=0.05)
