"""Whether a quantity grows: the median of the slopes of all pairs of readings, with an interval without assumptions.

Steps that a heap makes now and then do not look like growth so; what grows in most parts does. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from mltest.shared.statistics.intervals import Interval

_Z975 = 1.959963985
LEAST_READINGS = 6


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth from one reading to the next."""

    slope: float
    interval: Interval
    """Of 95 %."""


def growth_of(readings: Sequence[float]) -> Growth:
    """Return how much equidistant readings grow, in their unit per reading.

    Raises:
        ValueError: there are fewer than six.

    Source: Sen 1968, Estimates of the regression coefficient based on Kendall's tau; with the variance of tied values.
    """
    count = len(readings)
    if count < LEAST_READINGS:
        raise ValueError(f"{count} readings are too few for an interval")
    slopes = sorted(
        (readings[later] - readings[sooner]) / (later - sooner)
        for sooner in range(count)
        for later in range(sooner + 1, count)
    )
    ties = [readings.count(value) for value in set(readings)]
    variance = (count * (count - 1) * (2 * count + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    reach = _Z975 * sqrt(variance)
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    high = min(round((len(slopes) + reach) / 2), len(slopes) - 1)
    return Growth(median(slopes), Interval(low=slopes[low], high=slopes[high]))
