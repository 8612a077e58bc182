"""When a figure that is measured again and again has changed: an alarm for two runs in a row outside what was usual."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

WINDOW = 10
"""Runs that say what is usual."""
SMALLEST_CHANGE = 0.05
"""Less is never an alarm: ratios to a reference that ran side by side vary by 1.2 to 1.7 % from run to run."""
_FEWEST_RUNS = 3
"""Before, nothing is usual yet."""
_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the runs before say of one run."""

    usual: float | None
    """Median of the runs before it and before its predecessor; None where they are too few."""
    is_outside: bool
    """Whether it is farther from that than usual."""
    is_alarm: bool
    """Whether its predecessor is as well, on the same side."""


def alarms(points: Sequence[float]) -> tuple[int, ...]:
    """Return the positions at which an alarm is raised, as `judgements` says.

    Args:
        points: one positive figure for each run, oldest first.

    """
    return tuple(position for position, judged in enumerate(judgements(points)) if judged.is_alarm)


def judgements(points: Sequence[float]) -> Iterator[Judgement]:
    """Yield for each run what the runs before say of it.

    An alarm is raised by the second of two runs in a row outside, on the same side. Outside means: farther than 5 %,
    and farther than three median absolute deviations, from the median of the ten runs before the two. After an alarm,
    what is usual is learnt anew, from the two runs on.

    Args:
        points: one positive figure for each run, oldest first.

    """
    begin = 0
    for position, point in enumerate(points):
        before = points[max(begin, position - 1 - WINDOW) : max(begin, position - 1)]
        if len(before) < _FEWEST_RUNS:
            yield Judgement(usual=None, is_outside=False, is_alarm=False)
            continue
        side = _side(point, before)
        is_alarm = side != 0 and side == _side(points[position - 1], before)
        yield Judgement(usual=median(before), is_outside=side != 0, is_alarm=is_alarm)
        if is_alarm:
            begin = position - 1


def allowed_change(before: Sequence[float]) -> float:
    """Return how far from the median of `before` a run may be, as a share of it; at least one run, positive."""
    centre = median(before)
    deviation = median(abs(point - centre) for point in before) / centre
    return max(SMALLEST_CHANGE, _DEVIATIONS * deviation)


def _side(point: float, before: Sequence[float]) -> int:
    """Return 1 above what is usual, -1 below it, 0 inside."""
    change = point / median(before) - 1
    if abs(change) <= allowed_change(before):
        return 0
    return 1 if change > 0 else -1
