"""Percentiles and intervals, against SciPy, NumPy and simulation."""

import math
import random
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.shared.statistics.intervals import Interval, exponential, log_interval, mean_interval, spread
from mltest.shared.statistics.percentiles import needed_count, percentile

POSITIVE = st.floats(1e-3, 1e3)


@given(st.lists(POSITIVE, min_size=1, max_size=50), st.sampled_from([0, 25, 50, 90, 99, 100]))
def test_a_percentile_is_that_of_numpy(samples: list[float], rank: float) -> None:
    assert percentile(sorted(samples), rank) == pytest.approx(float(np.percentile(samples, rank)))


@pytest.mark.parametrize("arguments", [([], 50), ([1.0], -1), ([1.0], 101)])
def test_a_percentile_of_nothing_or_beyond_its_range_is_refused(arguments: tuple[list[float], float]) -> None:
    with pytest.raises(ValueError, match="a percentile needs samples"):
        percentile(*arguments)


@pytest.mark.parametrize(("rank", "count"), [(90, 64), (95, 130), (99, 662), (99.9, 6636)])
def test_a_percentile_takes_as_many_calls_as_loadgen_asks_for(rank: float, count: int) -> None:
    assert needed_count(rank) == count
    assert stats.binom.cdf(1, count, 1 - rank / 100) <= 0.01 < stats.binom.cdf(1, count - 1, 1 - rank / 100)


@given(st.lists(POSITIVE, min_size=2, max_size=40).filter(lambda values: max(values) > 1.001 * min(values)))
def test_the_interval_of_a_mean_is_that_of_scipy(values: list[float]) -> None:
    interval = mean_interval(values)
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-6 * (interval.high - interval.low))


@given(st.lists(POSITIVE, min_size=2, max_size=40))
def test_a_spread_is_the_standard_deviation_of_a_sample(values: list[float]) -> None:
    assert spread(values) == pytest.approx(stdev(values), rel=1e-9, abs=1e-12)


def test_one_round_has_no_interval() -> None:
    assert mean_interval([1.0]) is None
    assert log_interval([]) is None


def test_a_logarithmic_interval_needs_positive_values() -> None:
    assert log_interval([1.0, 0.0]) is None


def test_a_logarithmic_interval_is_symmetric_in_factors() -> None:
    interval = log_interval([1.0, 2.0, 4.0])

    assert interval is not None
    assert math.sqrt(interval.low * interval.high) == pytest.approx(2.0)


def test_an_interval_beyond_what_a_float_holds_is_infinite() -> None:
    assert exponential(Interval(low=-1e4, high=1e4)) == Interval(low=0.0, high=math.inf)


def test_intervals_of_repeated_experiments_cover_the_truth_in_about_95_percent() -> None:
    random.seed(1)
    covered = 0
    for _ in range(2000):
        interval = log_interval([random.lognormvariate(0.7, 0.2) for _ in range(6)])
        covered += interval is not None and interval.low <= math.exp(0.7) <= interval.high

    assert 0.93 <= covered / 2000 <= 0.97
