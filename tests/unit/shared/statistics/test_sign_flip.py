"""The exact sign-flip test, against SciPy and against counting every assignment."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.shared.statistics.sign_flip import sign_flip_p


@pytest.mark.parametrize("count", range(2, 15))
def test_the_probability_is_that_of_scipys_permutation_test(count: int) -> None:
    random = np.random.default_rng(count)
    for shift in (0.0, 0.5, 1.0):
        differences = random.normal(shift, 1, count)
        expected = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
        )

        assert sign_flip_p(differences.tolist()) == pytest.approx(expected.pvalue, abs=1e-12)


@settings(max_examples=60)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_with_ties_and_zeros_every_assignment_at_least_as_far_out_counts(differences: list[int]) -> None:
    observed = abs(sum(differences))
    sums = [
        sum(sign * one for sign, one in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    expected = sum(abs(total) >= observed for total in sums) / len(sums)

    assert sign_flip_p([0.1 * one for one in differences]) == pytest.approx(expected)


def test_rounding_never_makes_the_assignment_that_was_seen_less_extreme_than_itself() -> None:
    differences = [0.1, 0.2, 0.3, 0.6, -0.1, 1e-17, 0.7]

    assert sign_flip_p(differences) == sign_flip_p(differences[::-1]) >= 2.0**-6


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=40))
def test_rounds_that_all_point_one_way_are_the_most_extreme_of_all(sizes: list[float]) -> None:
    assert sign_flip_p(sizes) == 2.0 ** (1 - len(sizes))
    assert sign_flip_p([-size for size in sizes]) == 2.0 ** (1 - len(sizes))


def test_40_rounds_are_counted_exactly() -> None:
    """With sizes that are all the same the count of positive signs is binomial."""
    differences = [1.0] * 30 + [-1.0] * 10

    assert sign_flip_p(differences) == pytest.approx(stats.binomtest(30, 40).pvalue, rel=1e-12)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert sign_flip_p([]) == 1
    assert sign_flip_p([0.0] * 10) == 1


def test_more_than_40_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 40"):
        sign_flip_p([1.0] * 41)


def test_identical_candidates_are_told_apart_no_more_often_than_the_level_says() -> None:
    """Whatever the distribution, as long as it is symmetric: here one with such heavy tails that it has no mean."""
    random = np.random.default_rng(1)
    found = [sign_flip_p(random.standard_cauchy(10).tolist()) <= 0.05 for _ in range(2000)]

    assert 0.03 <= np.mean(found) <= 0.06
