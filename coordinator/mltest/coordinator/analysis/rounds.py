"""Statistics of raw values that came in rounds: each round is one fresh process, and counts as one.

A figure is the geometric mean over rounds of the statistic of each round, with its interval over rounds. Where one
round alone has too few values for the statistic, but all of them together have enough, it is of all values together,
and has no interval.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import fmean

from mltest.shared.statistics.intervals import Interval, log_interval
from mltest.shared.statistics.percentiles import needed_count, percentile

Ordered = Sequence[float]
"""Values in ascending order."""

_FENCES = 3.0
"""Interquartile ranges beyond the quartiles from which a value is far out. Source: Tukey 1977."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A way to make one figure of many."""

    name: str
    of: Callable[[Ordered], float]
    needed_count: int = 1
    """Values that it takes."""
    is_of_tail: bool = False
    """Whether it needs each call timed alone."""


MEDIAN = Statistic(name="median", of=partial(percentile, rank=50))
MEAN = Statistic(name="mean", of=fmean)
P90, P95, P99, P99_9 = (
    Statistic(
        name=f"p{rank:g}".replace(".", "_"),
        of=partial(percentile, rank=rank),
        needed_count=needed_count(rank),
        is_of_tail=True,
    )
    for rank in (90, 95, 99, 99.9)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A statistic that could be had, or how many more values it takes."""

    value: float | None
    interval: Interval | None
    """Over rounds; None for fewer than two, or where a round alone has too few values."""
    count: int
    missing_count: int = 0
    needs_single_calls: bool = False
    """Whether it could not be had because each value stands for several calls."""


class Rounds:
    """Values of one metric of one candidate on one agent, by round."""

    def __init__(
        self, rounds: Sequence[Sequence[float]], *, units_per_value: float = 1.0, is_batched: bool = False
    ) -> None:
        """Take the values of each round, in any order.

        Args:
            rounds: those without values do not count.
            units_per_value: what figures are divided by: 1e9 for values in ns and figures in s.
            is_batched: whether each value stands for several calls together, and is their mean.

        """
        self._rounds = [sorted(values) for values in rounds if values]
        self._units_per_value = units_per_value
        self._is_batched = is_batched
        self._count = sum(map(len, self._rounds))

    def figure(self, statistic: Statistic) -> Figure:
        """Return `statistic` of a round, averaged over rounds."""
        if self._is_batched and statistic.is_of_tail:
            return Figure(value=None, interval=None, count=self._count, needs_single_calls=True)
        if missing_count := max(0, statistic.needed_count - self._count):
            return Figure(value=None, interval=None, count=self._count, missing_count=missing_count)
        if any(len(values) < statistic.needed_count for values in self._rounds):
            value = statistic.of(sorted(chain.from_iterable(self._rounds))) / self._units_per_value
            return Figure(value=value, interval=None, count=self._count)
        return figure_of([statistic.of(values) / self._units_per_value for values in self._rounds], self._count)

    def outlier_ratio(self) -> Figure:
        """Return the share of values that lie far out among those of their round; they count in every statistic."""
        if not self._count:
            return Figure(value=None, interval=None, count=0)
        return Figure(value=sum(map(_outlier_count, self._rounds)) / self._count, interval=None, count=self._count)


def figure_of(round_values: Sequence[float], count: int) -> Figure:
    """Return the geometric mean of one value for each round; the mean, without an interval, if one is not positive.

    Args:
        round_values: at least one.
        count: raw values behind them.

    """
    if min(round_values) <= 0:
        return Figure(value=fmean(round_values), interval=None, count=count)
    value = math.exp(fmean(map(math.log, round_values)))
    return Figure(value=value, interval=log_interval(round_values), count=count)


def _outlier_count(ordered: Ordered) -> int:
    low, high = percentile(ordered, 25), percentile(ordered, 75)
    reach = _FENCES * (high - low)
    return bisect_left(ordered, low - reach) + len(ordered) - bisect_right(ordered, high + reach)
