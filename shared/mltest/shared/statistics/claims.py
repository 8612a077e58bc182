"""When a difference between two candidates may be claimed; docs/decisions/0011 says why so."""

import math
from statistics import fmean

from mltest.shared.statistics.intervals import spread
from mltest.shared.statistics.paired import Effect
from mltest.shared.statistics.sign_flip import LARGEST_COUNT, sign_flip_p
from mltest.shared.statistics.student import t_two_sided_p

SMALLEST_DIFFERENCE = 0.02
"""The larger of two times has to be more than 2 % above the smaller."""
ALPHA_FIXED = 0.05
"""Level of a claim where the number of rounds was fixed beforehand."""
ALPHA_STOPPED = 0.025
"""Level of a claim where a stop rule chose the number of rounds: stopping at a small spread favours false claims."""


def p_value(effect: Effect, *, family_size: int, alpha: float) -> float:
    """Return how likely rounds are to differ this much where the candidates do not differ; two-sided.

    By the exact sign-flip test. Where that could not claim anything, because even its smallest value 2^(1-rounds) is
    above the level of one comparison of the family, by the paired t-test, for which all rounds have to lie on one side.

    Args:
        effect: of one candidate against another.
        family_size: comparisons that are made together; the value is not adjusted for them.
        alpha: level of the whole family.

    """
    count = len(effect.logs)
    if count < 2:
        return 1.0
    can_claim = 2.0 ** (1 - count) <= alpha / family_size
    if can_claim and count <= LARGEST_COUNT:
        return sign_flip_p(effect.logs)
    if not can_claim and min(effect.logs) <= 0 <= max(effect.logs):
        return 1.0
    return _t_test_p(effect.logs)


def is_claimed(effect: Effect, *, family_size: int = 1, alpha: float = ALPHA_FIXED) -> bool:
    """Return whether a difference may be claimed: it is certain enough, and large enough to matter.

    Args:
        effect: of one candidate against another.
        family_size: comparisons that are made together, each of which has to hold at alpha / family_size.
        alpha: level of the whole family.

    """
    return is_relevant(effect) and p_value(effect, family_size=family_size, alpha=alpha) * family_size <= alpha


def is_relevant(effect: Effect) -> bool:
    """Return whether an effect is large enough to matter, and its interval excludes 1."""
    interval = effect.interval
    return (
        interval is not None
        and not interval.low <= 1 <= interval.high
        and max(effect.ratio, 1 / effect.ratio) > 1 + SMALLEST_DIFFERENCE
    )


def _t_test_p(logs: tuple[float, ...]) -> float:
    deviation = spread(logs)
    mean = fmean(logs)
    if not deviation:
        return 0.0 if mean else 1.0
    return t_two_sided_p(mean / deviation * math.sqrt(len(logs)), len(logs) - 1)
