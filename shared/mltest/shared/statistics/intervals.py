"""Intervals over rounds: each round is one fresh process, and only rounds are independent of each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

# Two-sided 95 % points of Student's t, for 1, 2, 3 ... degrees of freedom.
# Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Return whether the two share a value."""
        return self.low <= other.high and other.low <= self.high


def t_975(degrees_of_freedom: int) -> float:
    """Return the two-sided 95 % point of Student's t; beyond 30 degrees that of 30, which errs to the wide side.

    Raises:
        ValueError: there is not even one degree of freedom.

    """
    if degrees_of_freedom < 1:
        raise ValueError("an interval needs at least two rounds")
    return _T_975[min(degrees_of_freedom, len(_T_975)) - 1]


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the t-interval of the mean of `values`, one for each round; None for fewer than two."""
    if len(values) < 2:
        return None
    half_width = t_975(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    centre = fmean(values)
    return Interval(low=centre - half_width, high=centre + half_width)


def log_interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of the geometric mean of `values`; None for fewer than two, or if one is not positive.

    Times, rates and ratios spread by factors, so their logarithms are what a t-interval is made for.
    """
    if any(value <= 0 for value in values):
        return None
    interval = mean_interval([math.log(value) for value in values])
    return None if interval is None else Interval(low=math.exp(interval.low), high=math.exp(interval.high))
