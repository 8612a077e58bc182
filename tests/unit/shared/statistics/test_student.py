"""Student's t, against SciPy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # no types are published with it

from mltest.shared.statistics.student import t_quantile, t_two_sided_p

DEGREES = st.integers(1, 1000)


@given(st.floats(0.0005, 0.9995), DEGREES)
def test_a_quantile_is_that_of_scipy(probability: float, degrees: int) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-9, abs=1e-9)


@given(st.floats(-1e6, 1e6), DEGREES)
def test_a_probability_is_that_of_scipy(t: float, degrees: int) -> None:
    assert t_two_sided_p(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)]
)
def test_the_975_point_is_that_of_printed_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(0.975, degrees) == pytest.approx(quantile, abs=5e-4)


def test_an_infinite_t_is_impossible_and_a_zero_one_certain() -> None:
    assert t_two_sided_p(float("inf"), 3) == 0
    assert t_two_sided_p(0, 3) == 1


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1])
def test_a_quantile_beyond_probabilities_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(probability, 3)


def test_no_degree_of_freedom_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two rounds"):
        t_quantile(0.975, 0)
    with pytest.raises(ValueError, match="at least two rounds"):
        t_two_sided_p(1.0, 0)
