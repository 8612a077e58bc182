"""Intervals over rounds: each round is one fresh process, and only rounds are independent of each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mltest.shared.statistics.student import t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Return whether the two share a value."""
        return self.low <= other.high and other.low <= self.high


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the t-interval of the mean of `values`, one for each round; None for fewer than two."""
    if len(values) < 2:
        return None
    centre = fmean(values)
    half_width = t_quantile(0.975, len(values) - 1) * spread(values) / math.sqrt(len(values))
    return Interval(low=centre - half_width, high=centre + half_width)


def log_interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of the geometric mean of `values`; None for fewer than two, or if one is not positive.

    Times, rates and ratios spread by factors, so their logarithms are what a t-interval is made for.
    """
    if any(value <= 0 for value in values):
        return None
    interval = mean_interval([math.log(value) for value in values])
    return None if interval is None else exponential(interval)


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample of at least two, many times faster than `statistics.stdev`."""
    centre = fmean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def exponential(interval: Interval) -> Interval:
    """Return an interval of logarithms as one of the values themselves; what is too large for a float is infinite."""
    return Interval(low=_exp(interval.low), high=_exp(interval.high))


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
