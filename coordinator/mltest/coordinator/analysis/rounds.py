"""Statistics of raw values that came in rounds: the value from all of them, the interval from the rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import fmean

from mltest.shared.statistics.intervals import Interval, log_interval
from mltest.shared.statistics.percentiles import needed_count, percentile

Ordered = Sequence[float]
"""Values in ascending order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A way to make one figure of many."""

    name: str
    of: Callable[[Ordered], float]
    needed_count: int = 1
    """Values that it takes."""


MEDIAN = Statistic(name="median", of=partial(percentile, rank=50))
MEAN = Statistic(name="mean", of=fmean)
P90, P95, P99 = (
    Statistic(name=f"p{rank}", of=partial(percentile, rank=rank), needed_count=needed_count(rank))
    for rank in (90, 95, 99)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A statistic that could be had, or how many more values it takes."""

    value: float | None
    interval: Interval | None
    """Over rounds; None for fewer than two, or where a round alone has too few values."""
    count: int
    missing_count: int = 0


class Rounds:
    """Values of one metric of one candidate on one agent, by round."""

    def __init__(self, rounds: Sequence[Sequence[float]]) -> None:
        self._rounds = [sorted(values) for values in rounds if values]
        self._all = sorted(chain.from_iterable(self._rounds))

    def figure(self, statistic: Statistic) -> Figure:
        """Return `statistic` over all values, with its interval over rounds."""
        count = len(self._all)
        missing_count = max(0, statistic.needed_count - count)
        if missing_count:
            return Figure(value=None, interval=None, count=count, missing_count=missing_count)
        has_enough = all(len(values) >= statistic.needed_count for values in self._rounds)
        interval = log_interval([statistic.of(values) for values in self._rounds]) if has_enough else None
        return Figure(value=statistic.of(self._all), interval=interval, count=count)
