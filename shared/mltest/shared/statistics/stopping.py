"""When a comparison has had rounds enough: by the width of its interval alone, never by its p-value."""

from dataclasses import dataclass

from mltest.shared.statistics.paired import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """How many rounds are measured."""

    min_rounds: int
    """Nobody stops earlier; at least 2."""
    max_rounds: int
    """Nobody goes on beyond."""
    half_width: float
    """Wanted half-width of the interval of a ratio, relative: 0.025 stands for ±2.5 %."""
    level_share: float = 1.0
    """Of the level of a claim, what eliminations may use up; a screening before these rounds has had the rest."""


def is_precise(effect: Effect | None, rule: StopRule) -> bool:
    """Return whether an effect has rounds enough, and an interval narrow enough."""
    if effect is None or effect.half_width is None:
        return False
    return len(effect.logs) >= rule.min_rounds and effect.half_width <= rule.half_width
