"""Percentiles of samples, and how many samples it takes to speak of one."""

import math
from collections.abc import Sequence
from functools import cache

_CONFIDENCE = 0.99


def percentile(ordered: Sequence[float], rank: float) -> float:
    """Return the `rank` percentile of samples, linearly interpolated.

    Args:
        ordered: the samples, ascending, at least one.
        rank: 0 to 100.

    Raises:
        ValueError: there are no samples or `rank` is out of range.

    Source: Hyndman & Fan 1996, definition 7.

    """
    if not ordered or not 0 <= rank <= 100:
        raise ValueError("a percentile needs samples, and a rank from 0 to 100")
    position = (len(ordered) - 1) * rank / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


@cache
def needed_count(rank: float) -> int:
    """Return how many samples the `rank` percentile takes: 64 for 90, 662 for 99.

    The smallest number for which it would be unlikely (1 %) that at most one sample lies beyond the true percentile.
    Source: early stopping of MLPerf's LoadGen.
    """
    beyond = 1 - rank / 100
    count = 2
    while (1 - beyond) ** count + count * beyond * (1 - beyond) ** (count - 1) > 1 - _CONFIDENCE:
        count += 1
    return count
