"""Holm's method, against the closed testing procedure that it is a short cut of."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltest.shared.statistics.holm import holm_adjusted


def closed_testing(p_values: list[float]) -> list[float]:
    """Return for each hypothesis the largest Bonferroni p of all families of hypotheses that it belongs to."""
    indexes = range(len(p_values))
    families = [family for size in range(1, len(p_values) + 1) for family in combinations(indexes, size)]
    return [
        max(min(1.0, len(family) * min(p_values[one] for one in family)) for family in families if index in family)
        for index in indexes
    ]


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.04]), max_size=8))
def test_adjusting_is_closed_testing_with_bonferroni(p_values: list[float]) -> None:
    assert list(holm_adjusted(p_values)) == pytest.approx(closed_testing(p_values))


def test_a_published_example_comes_out() -> None:
    """Source: Wikipedia, "Holm-Bonferroni method", example: only the first and the fourth hold at .05."""
    adjusted = holm_adjusted([0.01, 0.04, 0.03, 0.005])

    assert adjusted == pytest.approx((0.03, 0.06, 0.06, 0.02))
