"""The ratio of two jobs' figures, from rounds that were not measured side by side: Welch's t-interval of logarithms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from mltest.shared.statistics.intervals import Interval, exponential
from mltest.shared.statistics.student import t_quantile, t_two_sided_p


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedRatio:
    """New divided by old."""

    ratio: float
    interval: Interval | None
    """None where one of the two has fewer than two rounds."""
    p_value: float
    """How likely rounds are to differ this much where the two do not; two-sided, 1 where there is no interval."""

    def is_claimed(self, margin: float, *, family_size: int, alpha: float) -> bool:
        """Return whether a difference may be claimed: beyond its interval, and beyond a margin for what it leaves out.

        Args:
            margin: the larger of the two has to be more than this share above the smaller.
            family_size: comparisons that are made together, each of which has to hold at alpha / family_size.
            alpha: level of the whole family.

        """
        return (
            self.interval is not None
            and not self.interval.low <= 1 <= self.interval.high
            and max(self.ratio, 1 / self.ratio) > 1 + margin
            and self.p_value * family_size <= alpha
        )


def unpaired_ratio(before_logs: Sequence[float], after_logs: Sequence[float]) -> UnpairedRatio | None:
    """Return the ratio of two independent sets of rounds; None where one of them is empty.

    Args:
        before_logs: the logarithm of the old figure in each of its rounds.
        after_logs: the same of the new one.

    Source: Welch 1947, "The generalization of 'Student's' problem when several different population variances are
    involved"; the degrees of freedom are rounded down.

    """
    if not before_logs or not after_logs:
        return None
    log = fmean(after_logs) - fmean(before_logs)
    if min(len(before_logs), len(after_logs)) < 2:
        return UnpairedRatio(ratio=math.exp(log), interval=None, p_value=1.0)
    error, degrees_of_freedom = _error(before_logs, after_logs)
    half_width = t_quantile(0.975, degrees_of_freedom) * error
    interval = exponential(Interval(low=log - half_width, high=log + half_width))
    p_value = t_two_sided_p(log / error, degrees_of_freedom) if error else float(log == 0)
    return UnpairedRatio(ratio=math.exp(log), interval=interval, p_value=p_value)


def _error(before: Sequence[float], after: Sequence[float]) -> tuple[float, int]:
    """Return the standard error of the difference of means, and its degrees of freedom (Satterthwaite)."""
    parts = [(variance(values) / len(values), len(values) - 1) for values in (before, after)]
    total = sum(part for part, _ in parts)
    if not total:
        return 0.0, len(before) + len(after) - 2
    degrees = total**2 / sum(part**2 / count for part, count in parts)
    return math.sqrt(total), max(1, math.floor(degrees + 1e-9))
