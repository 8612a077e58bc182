"""Effects, and when a difference may be claimed."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.shared.statistics.claims import ALPHA_FIXED, is_claimed, p_value
from mltest.shared.statistics.paired import Effect, effect_of, round_logs
from mltest.shared.statistics.sign_flip import sign_flip_p
from mltest.shared.statistics.stopping import StopRule, is_precise
from mltest.shared.statistics.tiers import claimed_pairs, ranks


def effect(logs: Sequence[float]) -> Effect:
    found = effect_of(logs)
    assert found is not None
    return found


def around(ratio: float, count: int, *, deviation: float = 0.02, seed: int = 1) -> Effect:
    source = random.Random(seed)
    return effect([math.log(ratio) + source.gauss(0, deviation) for _ in range(count)])


def test_an_effect_is_the_median_of_slice_ratios_and_the_geometric_mean_of_rounds() -> None:
    ours = {0: {0: 20.0, 1: 180.0, 2: 20.0}, 1: {0: 80.0, 1: 80.0, 2: 720.0}}
    theirs = {0: {0: 10.0, 1: 10.0, 2: 10.0}, 1: {0: 90.0, 1: 10.0, 2: 10.0}}
    logs = round_logs(ours, theirs)

    assert logs == pytest.approx({0: math.log(2), 1: math.log(8)})
    assert effect(list(logs.values())).ratio == pytest.approx(4)


def test_only_slices_of_the_same_round_and_index_are_paired() -> None:
    ours = {0: {0: 2.0, 1: 8.0}, 1: {0: 2.0}, 2: {0: 2.0}}
    theirs = {0: {0: 1.0, 2: 1.0}, 1: {5: 1.0}, 3: {0: 1.0}}

    assert round_logs(ours, theirs) == pytest.approx({0: math.log(2)})
    assert effect_of([]) is None


def test_the_inverse_of_an_effect_is_the_effect_seen_from_the_other_side() -> None:
    one, other = effect([0.1, 0.2, 0.4]), effect([-0.1, -0.2, -0.4])

    assert one.inverse.ratio == pytest.approx(other.ratio)
    assert one.inverse.logs == other.logs
    assert one.inverse.interval is not None
    assert other.interval is not None
    assert one.inverse.interval.low == pytest.approx(other.interval.low)
    assert one.inverse.half_width == pytest.approx(one.half_width)


def test_the_half_width_is_a_factor_to_either_side() -> None:
    found = effect([0.1, 0.2, 0.3])

    assert found.interval is not None
    assert found.half_width is not None
    assert found.ratio * (1 + found.half_width) == pytest.approx(found.interval.high)
    assert found.ratio / (1 + found.half_width) == pytest.approx(found.interval.low)
    assert effect([0.1]).half_width is None


def test_with_rounds_enough_the_probability_is_exact() -> None:
    found = around(1.02, 10)

    assert p_value(found, family_size=1, alpha=ALPHA_FIXED) == sign_flip_p(found.logs)


def test_where_signs_alone_could_not_claim_anything_the_t_test_decides() -> None:
    found = around(100, 3)

    assert p_value(found, family_size=1, alpha=ALPHA_FIXED) == pytest.approx(stats.ttest_1samp(found.logs, 0).pvalue)
    assert is_claimed(found)


def test_the_t_test_decides_only_if_all_rounds_lie_on_one_side() -> None:
    found = effect([0.9, 0.8, 0.85, -0.001])

    assert stats.ttest_1samp(found.logs, 0).pvalue < 0.1
    assert p_value(found, family_size=1, alpha=ALPHA_FIXED) == 1


def test_beyond_40_rounds_the_t_test_decides() -> None:
    found = around(1.01, 60)

    assert p_value(found, family_size=1, alpha=ALPHA_FIXED) == pytest.approx(stats.ttest_1samp(found.logs, 0).pvalue)


def test_nothing_is_claimed_from_one_round() -> None:
    assert not is_claimed(effect([5.0]))
    assert p_value(effect([5.0]), family_size=1, alpha=ALPHA_FIXED) == 1


def test_rounds_that_all_say_exactly_the_same_are_certain_and_equal_times_are_not_different() -> None:
    assert is_claimed(effect([0.5, 0.5]))
    assert not is_claimed(effect([0.0, 0.0]))


@pytest.mark.parametrize(("ratio", "claimed"), [(1.019, False), (1.021, True), (1 / 1.019, False), (1 / 1.021, True)])
def test_a_difference_of_at_most_2_percent_is_not_claimed_from_either_side(ratio: float, claimed: bool) -> None:
    assert is_claimed(effect([math.log(ratio) + 1e-6 * index for index in range(-10, 11)])) is claimed


def test_the_more_comparisons_the_surer_each_has_to_be() -> None:
    found = effect([*(0.03 + 0.001 * index for index in range(9)), -0.002])

    assert is_claimed(found)
    assert not is_claimed(found, family_size=100)


def test_identical_candidates_are_seldom_told_apart_and_a_tenth_is_mostly_seen() -> None:
    for count in (6, 10):
        same = [is_claimed(around(1, count, deviation=0.04, seed=seed)) for seed in range(1000)]
        tenth = [is_claimed(around(1.1, count, deviation=0.04, seed=seed)) for seed in range(300)]

        assert np.mean(same) <= 0.05
        assert np.mean(tenth) >= 0.95


def test_precision_takes_the_first_rounds_and_a_narrow_interval() -> None:
    rule = StopRule(min_rounds=6, max_rounds=30, half_width=0.05)

    assert is_precise(around(3, 6), rule)
    assert not is_precise(around(3, 5, deviation=0.001), rule)
    assert not is_precise(around(3, 6, deviation=0.2), rule)
    assert not is_precise(None, rule)
    assert not is_precise(effect([1.0]), rule)


def compared(names: str, base: dict[str, float], *, count: int = 10, seed: int = 0) -> tuple[int, ...]:
    """Return the ranks of candidates whose rounds scatter around `base` (log times)."""
    source = random.Random(seed)
    logs = {name: [base[name] + source.gauss(0, 0.02) for _ in range(count)] for name in names}

    def between(one: str, other: str) -> Effect | None:
        return effect_of([ours - theirs for ours, theirs in zip(logs[one], logs[other], strict=True)])

    return ranks(sorted(names, key=lambda name: sum(logs[name])), between, alpha=ALPHA_FIXED)


def test_candidates_that_differ_have_ranks_of_their_own() -> None:
    assert compared("abc", {"a": 0.0, "b": 0.5, "c": 1.0}) == (1, 2, 3)


def test_equals_share_a_rank_and_the_next_counts_on() -> None:
    assert compared("abcd", {"a": 0.0, "b": 0.0, "c": 1.0, "d": 1.0}) == (1, 1, 3, 3)


def test_a_tier_begins_only_with_one_that_differs_from_the_leader_of_the_tier_above() -> None:
    """A chain: each is close to the next one, but the last is far from the first."""
    steps = {("a", "b"): 0.01, ("b", "c"): 0.01, ("a", "c"): 0.3, ("a", "d"): 0.31, ("b", "d"): 0.3, ("c", "d"): 0.01}

    def between(one: str, other: str) -> Effect:
        low, high = sorted((one, other))
        return effect([steps[low, high] * (1 + 0.001 * index) for index in range(10)])

    assert ranks("abcd", between, alpha=ALPHA_FIXED) == (1, 1, 3, 3)


def test_those_that_cannot_be_compared_are_not_told_apart() -> None:
    assert ranks("ab", lambda one, other: None, alpha=ALPHA_FIXED) == (1, 1)
    assert ranks("", lambda one, other: None, alpha=ALPHA_FIXED) == ()


def test_a_difference_has_to_hold_among_all_pairs() -> None:
    weak = effect([0.05] * 6 + [0.06, 0.04, 0.05, -0.045])
    none = effect([0.001, -0.001] * 5)

    def between(one: str, other: str) -> Effect:
        return weak if {one, other} == {"a", "b"} else none

    assert is_claimed(weak)
    assert claimed_pairs("ab", between, alpha=ALPHA_FIXED) == {frozenset("ab")}
    assert claimed_pairs("abcdef", between, alpha=ALPHA_FIXED) == frozenset()


def test_six_identical_candidates_are_seldom_split() -> None:
    split = [compared("abcdef", dict.fromkeys("abcdef", 0.0), seed=seed) != (1,) * 6 for seed in range(200)]

    assert sum(split) <= 10
