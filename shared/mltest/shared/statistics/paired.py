"""How much slower or faster one candidate is than another: paired log ratios of slices measured side by side.

Slices of all candidates alternate within a round, so whatever disturbs the machine meets both sides of a ratio. The
median over slices is one figure for a round, and a round is one fresh process: effect and interval are over rounds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from mltest.shared.statistics.intervals import Interval, exponential, mean_interval

RoundTimes = Mapping[int, Mapping[int, float]]
"""By round and slice, one time that stands for the calls of that slice; greater than zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Time of one candidate divided by the time of another, on the same agent and from the same slices."""

    ratio: float
    interval: Interval | None
    """None for fewer than two rounds: then nothing can be claimed."""
    logs: tuple[float, ...] = ()
    """Of the ratio, one for each round."""

    @property
    def inverse(self) -> "Effect":
        """The same seen from the other side: a speed-up instead of a slow-down."""
        turned = self.interval and Interval(low=1 / self.interval.high, high=1 / self.interval.low)
        return Effect(ratio=1 / self.ratio, interval=turned, logs=tuple(-log for log in self.logs))

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width, relative to the ratio: 0.025 stands for a factor of 1.025 to either side."""
        if self.interval is None:
            return None
        return math.sqrt(self.interval.high / self.interval.low) - 1 if self.interval.low else math.inf


def round_logs(candidate: RoundTimes, reference: RoundTimes) -> dict[int, float]:
    """Return by round the median over shared slices of log(candidate / reference); ascending rounds.

    A round in which the two share no slice is left out.
    """
    logs: dict[int, float] = {}
    for round_index in sorted(candidate.keys() & reference.keys()):
        ours, theirs = candidate[round_index], reference[round_index]
        if shared := ours.keys() & theirs.keys():
            logs[round_index] = median(math.log(ours[index] / theirs[index]) for index in shared)
    return logs


def effect_of(logs: Sequence[float]) -> Effect | None:
    """Return the effect that the log ratios of rounds show; None where there are none."""
    if not logs:
        return None
    interval = mean_interval(logs)
    return Effect(ratio=math.exp(fmean(logs)), interval=interval and exponential(interval), logs=tuple(logs))
