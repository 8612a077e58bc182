"""Figures over rounds, and pairs of slices."""

import math
import random
from statistics import fmean, median

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.coordinator.analysis.paired import PairedTimes, paired_effect
from mltest.coordinator.analysis.rounds import MEAN, MEDIAN, P90, P99, P99_9, Rounds
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.statistics.intervals import Interval, log_interval
from tests.unit.coordinator.evidence import evidence, series, timed


def test_a_figure_is_the_geometric_mean_of_the_statistic_of_each_round() -> None:
    figure = Rounds([[1.0, 2.0, 3.0], [], [7.0, 8.0, 900.0, 1.0, 8.0]]).figure(MEDIAN)

    assert figure.value == pytest.approx(4.0)
    assert figure.count == 8
    assert figure.interval == log_interval([2.0, 8.0])


def test_value_and_interval_are_those_of_scipy_over_the_logarithms_of_rounds() -> None:
    source = np.random.default_rng(3)
    rounds = [source.lognormal(1, 0.5, 200) for _ in range(7)]
    logs = [math.log(np.percentile(values, 90)) for values in rounds]
    low, high = stats.t.interval(0.95, 6, loc=np.mean(logs), scale=stats.sem(logs))

    figure = Rounds([values.tolist() for values in rounds]).figure(P90)

    assert figure.value == pytest.approx(stats.gmean(np.exp(logs)))
    assert figure.interval is not None
    assert (figure.interval.low, figure.interval.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_units_are_changed_once_for_value_and_interval() -> None:
    figure = Rounds([[2e9], [8e9]], units_per_value=1e9).figure(MEAN)

    assert figure.value == pytest.approx(4.0)
    assert figure.interval == log_interval([2.0, 8.0])


def test_a_value_of_nothing_at_all_leaves_the_mean_without_an_interval() -> None:
    figure = Rounds([[0], [4]]).figure(MEDIAN)

    assert (figure.value, figure.interval) == (2.0, None)


def test_far_out_calls_are_counted_by_round_and_stay_in_the_mean() -> None:
    quiet, disturbed = [10.0, 11.0, 12.0, 13.0] * 10, [100.0, 101.0, 102.0, 103.0] * 10
    rounds = Rounds([[*quiet, 1000.0], [*disturbed, 1.0, 109.5]])
    low, high = np.percentile([*disturbed, 1.0, 109.5], [25, 75])
    far_out = [value for value in (1.0, 109.5) if not low - 3 * (high - low) <= value <= high + 3 * (high - low)]

    assert rounds.outlier_ratio().value == pytest.approx((1 + len(far_out)) / 83)
    assert rounds.figure(MEAN).value == pytest.approx(
        math.sqrt(fmean([*quiet, 1000.0]) * fmean([*disturbed, 1.0, 109.5]))
    )
    assert Rounds([]).outlier_ratio().value is None


def test_values_that_stand_for_several_calls_have_no_tail() -> None:
    rounds = Rounds([[1.0] * 10_000], is_batched=True)

    assert rounds.figure(P90).value is None
    assert rounds.figure(P90).needs_single_calls
    assert rounds.figure(MEDIAN).value == rounds.figure(MEAN).value == 1.0


def test_the_last_call_of_a_thousand_takes_6636_calls() -> None:
    assert P99_9.name == "p99_9"
    assert Rounds([[1.0] * 6635]).figure(P99_9).missing_count == 1
    assert Rounds([[1.0] * 6636]).figure(P99_9).value == 1.0


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


def test_slices_of_a_throttled_machine_are_not_paired() -> None:
    def rounds(call_ns: int, throttled_ns: int) -> SampleEvidence:
        slices = [series("latency_ns", [call_ns], batch_size=1, slice_index=index) for index in range(3)]
        throttled = (
            series("latency_ns", [throttled_ns], batch_size=1, slice_index=index, is_throttled=True)
            for index in range(3, 9)
        )
        return evidence([[*slices, *throttled]])

    effect = paired_effect(rounds(200, 900), rounds(100, 100), 1)

    assert effect is not None
    assert effect.ratio == pytest.approx(2)


def test_a_value_for_several_calls_is_compared_by_the_time_of_one() -> None:
    batched = evidence([[series("latency_ns", [2000, 2200], batch_size=1, calls_per_value=10)]])

    effect = paired_effect(batched, _evidence([[[105]]]), 1)

    assert effect is not None
    assert effect.ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("objective", "ratio"),
    [
        (Objective(metric="latency_s", statistic="median"), 2.0),
        (Objective(metric="latency_s", statistic="mean"), 3.0),
        (Objective(metric="throughput_rows_per_s", statistic="mean"), 3.0),
        (Objective(metric="native_latency_s", statistic="median"), 7.0),
        (Objective(metric="offline_rows_per_s", statistic="value", batch_size=0), 5.0),
        (Objective(metric="latency_s", statistic="p99"), None),
        (Objective(metric="artifact_bytes", statistic="value"), None),
    ],
)
def test_slices_are_paired_by_form_batch_size_and_statistic_of_the_objective(
    objective: Objective, ratio: float | None
) -> None:
    ours = evidence(
        [
            [
                series("latency_ns", [200, 200, 500], batch_size=1),
                series("native_latency_ns", [700], batch_size=1),
                series("latency_ns", [5000], batch_size=10_000),
            ]
        ]
    )
    theirs = evidence(
        [
            [
                series("latency_ns", [100, 100, 100], batch_size=1),
                series("native_latency_ns", [100], batch_size=1),
                series("latency_ns", [1000], batch_size=10_000),
            ]
        ],
        candidate_id="other",
    )

    effect = PairedTimes(objective).effect(ours, theirs)

    assert (effect and effect.ratio) == (ratio and pytest.approx(ratio))


def test_candidates_of_different_agents_are_not_paired() -> None:
    here, there = evidence([[series("latency_ns", [1], batch_size=1)]]), timed("c", "b", 10, seed=1)

    assert PairedTimes(Objective()).effect(here, there) is None
    assert PairedTimes(Objective()).effect(here, None) is None


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


def test_the_median_of_one_round_is_the_median() -> None:
    values = [random.Random(1).random() for _ in range(101)]

    assert Rounds([values]).figure(MEDIAN).value == pytest.approx(median(values))
