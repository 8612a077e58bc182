"""The interval of a share."""

import math

_Z = 1.959963984540054
"""97.5 % point of the normal distribution."""


def wilson_interval(success_count: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share; `count` is at least 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share = success_count / count
    centre = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    # At the ends the formula gives 0 and 1 but for rounding.
    low = max(0.0, centre - half) if success_count else 0.0
    return low, min(1.0, centre + half) if success_count < count else 1.0
