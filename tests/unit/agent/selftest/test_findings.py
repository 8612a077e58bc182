"""Figures, their bars and their verdicts."""

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]  # no types are published with it

from mltest.agent.selftest.findings import Bar, Finding, share, table, wilson_interval


@pytest.mark.parametrize(("count", "of_count"), [(0, 10), (3, 98), (50, 100), (10, 10), (1, 1)])
def test_the_interval_of_a_share_is_that_of_scipy(count: int, of_count: int) -> None:
    expected = binomtest(count, of_count).proportion_ci(method="wilson")
    assert wilson_interval(count, of_count) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("bar", "value", "is_met"),
    [
        (Bar(high=0.05), 0.05, True),
        (Bar(high=0.05), 0.051, False),
        (Bar(low=0.8), 0.79, False),
        (Bar(low=0.92, high=0.98), 0.95, True),
        (Bar(low=0.92, high=0.98), 0.99, False),
    ],
)
def test_a_bar_is_reached_at_its_ends(bar: Bar, value: float, is_met: bool) -> None:
    finding = Finding(name="x_ratio", value=value, meaning="", bar=bar)
    assert finding.is_met is is_met
    assert finding.verdict == ("meets" if is_met else "misses")


def test_few_counts_say_nothing_against_a_bar_that_their_interval_reaches() -> None:
    few, many = share("x", 5, 5, "", Bar(low=0.92, high=0.98)), share("x", 500, 500, "", Bar(low=0.92, high=0.98))
    assert (few.verdict, many.verdict) == ("too few to tell", "misses")
    assert share("x", 5, 5, "", Bar(high=0.05)).verdict == "misses"


def test_what_was_not_measured_does_not_meet_a_bar() -> None:
    finding = Finding(name="x_ratio", value=None, meaning="no compiler", bar=Bar(high=1))
    assert not finding.is_met
    assert finding.verdict == "not measured"


def test_an_interval_that_contains_zero_is_enough_where_that_is_the_bar() -> None:
    noisy = Finding(name="x", value=0.02, meaning="", bar=Bar(high=0.01), low=-0.01, high=0.05, may_contain_zero=True)
    real = Finding(name="x", value=0.02, meaning="", bar=Bar(high=0.01), low=0.01, high=0.03, may_contain_zero=True)
    assert noisy.is_met
    assert not real.is_met


def test_the_table_shows_value_interval_counts_bar_and_verdict() -> None:
    text = table("aa", [share("false_difference_ratio", 3, 98, "said to differ", Bar(high=0.05))])
    (line,) = (line for line in text.splitlines() if "false_difference" in line)
    for part in ("0.03061", "0.0105 to 0.0862", "3/98", "<= 0.05", "meets", "said to differ"):
        assert part in line
