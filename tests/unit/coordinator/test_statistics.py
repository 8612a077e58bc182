"""Percentiles, intervals and paired effects, against SciPy, NumPy and brute force."""

import math
import random
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.coordinator.analysis.paired import paired_effect
from mltest.coordinator.analysis.rounds import MEAN, MEDIAN, P99, Rounds
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.statistics.intervals import Interval, log_interval, mean_interval, t_975
from mltest.shared.statistics.percentiles import needed_count, percentile
from tests.unit.coordinator.evidence import evidence, series, timed

POSITIVE = st.floats(1e-3, 1e3)


@pytest.mark.parametrize("degrees", [*range(1, 31)])
def test_the_table_of_t_is_that_of_scipy(degrees: int) -> None:
    assert t_975(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=5e-4)


def test_beyond_the_table_t_errs_to_the_wide_side() -> None:
    assert t_975(31) >= stats.t.ppf(0.975, 31)
    assert t_975(1000) >= stats.t.ppf(0.975, 1000)


@given(st.lists(POSITIVE, min_size=1, max_size=50), st.sampled_from([0, 25, 50, 90, 99, 100]))
def test_a_percentile_is_that_of_numpy(samples: list[float], rank: float) -> None:
    assert percentile(sorted(samples), rank) == pytest.approx(float(np.percentile(samples, rank)))


@pytest.mark.parametrize("arguments", [([], 50), ([1.0], -1), ([1.0], 101)])
def test_a_percentile_of_nothing_or_beyond_its_range_is_refused(arguments: tuple[list[float], float]) -> None:
    with pytest.raises(ValueError, match="a percentile needs samples"):
        percentile(*arguments)


@pytest.mark.parametrize(("rank", "count"), [(90, 64), (95, 130), (99, 662)])
def test_a_percentile_takes_as_many_calls_as_loadgen_asks_for(rank: float, count: int) -> None:
    assert needed_count(rank) == count
    assert stats.binom.cdf(1, count, 1 - rank / 100) <= 0.01 < stats.binom.cdf(1, count - 1, 1 - rank / 100)


@given(st.lists(POSITIVE, min_size=2, max_size=12).filter(lambda values: max(values) > 1.001 * min(values)))
def test_the_interval_of_a_mean_is_that_of_scipy(values: list[float]) -> None:
    interval = mean_interval(values)
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-3 * (interval.high - interval.low))


def test_one_round_has_no_interval() -> None:
    assert mean_interval([1.0]) is None
    assert log_interval([]) is None


def test_a_logarithmic_interval_needs_positive_values() -> None:
    assert log_interval([1.0, 0.0]) is None


def test_a_logarithmic_interval_is_symmetric_in_factors() -> None:
    interval = log_interval([1.0, 2.0, 4.0])

    assert interval is not None
    assert math.sqrt(interval.low * interval.high) == pytest.approx(2.0)


def test_intervals_of_repeated_experiments_cover_the_truth_in_about_95_percent() -> None:
    random.seed(1)
    covered = 0
    for _ in range(2000):
        interval = log_interval([random.lognormvariate(0.7, 0.2) for _ in range(6)])
        covered += interval is not None and interval.low <= math.exp(0.7) <= interval.high

    assert 0.93 <= covered / 2000 <= 0.97


def test_the_value_is_of_all_calls_and_the_interval_of_rounds() -> None:
    figure = Rounds([[1.0, 2.0, 3.0], [], [5.0, 6.0, 7.0]]).figure(MEDIAN)

    assert figure.value == 4.0
    assert figure.count == 6
    assert figure.interval == log_interval([2.0, 6.0])


def test_a_percentile_without_enough_calls_says_how_many_are_missing() -> None:
    figure = Rounds([[1.0] * 600]).figure(P99)

    assert figure.value is None
    assert figure.missing_count == 62


def test_a_percentile_has_no_interval_where_its_rounds_alone_have_too_few_calls() -> None:
    figure = Rounds([[1.0] * 400, [2.0] * 400]).figure(P99)

    assert figure.value == 2.0
    assert figure.interval is None


def test_no_values_are_no_figure() -> None:
    assert Rounds([[], []]).figure(MEAN).value is None


def test_an_effect_is_the_median_of_slice_ratios_and_the_mean_of_rounds() -> None:
    def one_round(factor: float, disturbed: int) -> list[list[int]]:
        return [[round(100 * factor * (9 if index == disturbed else 1))] * 3 for index in range(5)]

    ours = [one_round(2.0, 1), one_round(8.0, 2)]
    theirs = [one_round(1.0, 3), one_round(1.0, 4)]

    effect = paired_effect(_evidence(ours), _evidence(theirs), 1)

    assert effect is not None
    assert effect.ratio == pytest.approx(4.0)
    assert effect.inverse.ratio == pytest.approx(0.25)
    assert effect.interval is not None
    assert effect.inverse.interval == Interval(low=1 / effect.interval.high, high=1 / effect.interval.low)


def test_only_slices_of_the_same_round_index_and_batch_size_are_paired() -> None:
    ours = evidence([[series("latency_ns", [200], batch_size=1, slice_index=3)]])
    other_slice = evidence([[series("latency_ns", [100], batch_size=1, slice_index=4)]])
    other_batch = evidence([[series("latency_ns", [100], batch_size=2, slice_index=3)]])
    other_round = evidence([[], [series("latency_ns", [100], batch_size=1, slice_index=3)]])

    for theirs in (other_slice, other_batch, other_round):
        assert paired_effect(ours, theirs, 1) is None


def test_one_round_has_an_effect_but_no_interval() -> None:
    effect = paired_effect(_evidence([[[200]]]), _evidence([[[100]]]), 1)

    assert effect is not None
    assert effect.ratio == 2.0
    assert effect.interval is None


def test_pairing_sees_through_a_noisy_machine() -> None:
    """A 10 % difference under noise of 25 % a slice: found, and its size covered."""
    effects = [
        paired_effect(timed("slow", "a", 11_000, seed=seed), timed("fast", "a", 10_000, seed=seed), 1)
        for seed in range(20)
    ]
    intervals = [effect.interval for effect in effects if effect and effect.interval]

    assert len(intervals) == 20
    assert sum(interval.low > 1 for interval in intervals) >= 19
    assert sum(interval.low <= 1.1 <= interval.high for interval in intervals) >= 17


def _evidence(rounds: list[list[list[int]]]) -> SampleEvidence:
    return evidence(
        [
            [series("latency_ns", values, batch_size=1, slice_index=index) for index, values in enumerate(slices)]
            for slices in rounds
        ]
    )


def test_the_median_is_the_median() -> None:
    assert Rounds([[3.0, 1.0], [2.0, 9.0]]).figure(MEDIAN).value == median([3.0, 1.0, 2.0, 9.0])
