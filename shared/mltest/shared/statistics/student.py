"""Student's t, exact: what intervals and t-tests are made with, where there is no table and no SciPy."""

import math
from functools import cache

_SMALLEST = 1e-300
_PRECISION = 1e-16
_STEPS = 10_000


def t_two_sided_p(t: float, degrees_of_freedom: int) -> float:
    """Return the probability of a |t| at least this large.

    Raises:
        ValueError: there is not even one degree of freedom.

    Source: Abramowitz & Stegun 26.7.1 with 26.5.27.

    """
    _check(degrees_of_freedom)
    if math.isinf(t):
        return 0.0
    square = t * t
    total = degrees_of_freedom + square
    return _incomplete_beta(degrees_of_freedom / 2, 0.5, degrees_of_freedom / total, square / total)


@cache
def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the value that Student's t stays below with this probability.

    Raises:
        ValueError: `probability` is not between 0 and 1, or there is not even one degree of freedom.

    """
    _check(degrees_of_freedom)
    if not 0 < probability < 1:
        raise ValueError("a quantile needs a probability between 0 and 1")
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees_of_freedom)
    two_sided = 2 * (1 - probability)
    if two_sided == 1:
        return 0.0
    low, high = 0.0, 1.0
    while t_two_sided_p(high, degrees_of_freedom) > two_sided:
        low, high = high, 2 * high
    while high - low > 1e-15 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        is_below = t_two_sided_p(middle, degrees_of_freedom) > two_sided
        low, high = (middle, high) if is_below else (low, middle)
    return (low + high) / 2


def _check(degrees_of_freedom: int) -> None:
    if degrees_of_freedom < 1:
        raise ValueError("an interval needs at least two rounds")


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function of `x`; `rest` is 1 - x, given apart to keep its digits."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, rest) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function.

    Source: Abramowitz & Stegun 26.5.8, evaluated by the method of Lentz as modified by Thompson and Barnett 1986.
    """
    c = 1.0
    d = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
