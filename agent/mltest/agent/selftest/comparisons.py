"""What the protocol says about candidates whose truth is known: pure functions from the windows of a campaign.

A comparison uses the first rounds of its window up to where the stop rule ends it. Identical candidates are compared in
disjoint pairs; a slowed one with one that is wrapped alike and not slowed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.recording import RoundTimes, Window
from mltest.shared.statistics.claims import ALPHA_STOPPED, is_claimed
from mltest.shared.statistics.paired import Effect, effect_of, round_logs
from mltest.shared.statistics.stopping import StopRule, is_precise
from mltest.shared.statistics.tiers import ranks

STANDARD = StopRule(min_rounds=10, max_rounds=30, half_width=0.025)
QUICK = StopRule(min_rounds=6, max_rounds=10, half_width=0.05)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two candidates of one window, after the stop rule ended it."""

    subject: str
    truth_ratio: float
    effect: Effect
    first_effect: Effect
    """From the fewest rounds of the rule."""

    @property
    def round_count(self) -> int:
        """Rounds that it took."""
        return len(self.effect.logs)

    @property
    def is_different(self) -> bool:
        """Whether a difference is claimed."""
        return is_claimed(self.effect, alpha=ALPHA_STOPPED)

    @property
    def covers_truth(self) -> bool:
        """Whether the interval holds the truth."""
        interval = self.effect.interval
        return interval is not None and interval.low <= self.truth_ratio <= interval.high


def identical(window: Window) -> list[str]:
    """Return the names of the candidates that do not differ, in order."""
    return sorted(set(window.truths) - set(window.bases) - set(window.bases.values()))


def stopped(logs: Sequence[float], rule: StopRule) -> Effect | None:
    """Return the effect of the first rounds that are enough by `rule`; None if they are not enough yet."""
    for count in range(rule.min_rounds, min(len(logs), rule.max_rounds) + 1):
        effect = effect_of(logs[:count])
        if is_precise(effect, rule) or count == rule.max_rounds:
            return effect
    return None


def compared(window: Window, rule: StopRule) -> list[Comparison]:
    """Return the comparisons of a window that are over: disjoint pairs of identical candidates, and the slowed ones."""
    same = identical(window)
    pairs = [*zip(same[1::2], same[::2], strict=False), *window.bases.items()]
    found = (_comparison(window, one, other, rule) for one, other in pairs)
    return [comparison for comparison in found if comparison is not None]


def comparison_count(window: Window) -> int:
    """Return how many comparisons a window is for."""
    return len(identical(window)) // 2 + len(window.bases)


def tier_count(window: Window, rule: StopRule) -> int | None:
    """Return into how many tiers the identical candidates are ranked; None if rounds are missing, or fewer than three.

    The rounds are those until each is precise against the first one, as in a job.
    """
    same = identical(window)
    if len(same) < 3:
        return None
    ends = [stopped(_logs(window, name, same[0]), rule) for name in same[1:]]
    if any(end is None for end in ends):
        return None
    count = max(len(end.logs) for end in ends if end)

    def effect(one: str, other: str) -> Effect | None:
        return effect_of(_logs(window, one, other)[:count])

    order = sorted(same, key=lambda name: 1.0 if name == same[0] else _ratio(effect(name, same[0])))
    return len(set(ranks(order, effect, alpha=ALPHA_STOPPED)))


def is_over(window: Window, rule: StopRule) -> bool:
    """Return whether a window needs no more rounds."""
    if window.round_count >= rule.max_rounds:
        return True
    has_ranking = len(identical(window)) < 3 or tier_count(window, rule) is not None
    return len(compared(window, rule)) == comparison_count(window) and has_ranking


def false_differences(comparisons: Sequence[Comparison]) -> Finding:
    """Return how often a difference was claimed where there is none."""
    same = [one for one in comparisons if one.truth_ratio == 1]
    subjects = len({one.subject for one in same})
    return share(
        "false_difference_ratio",
        sum(one.is_different for one in same),
        len(same),
        f"identical candidates that are said to differ, disjoint pairs, {subjects} runtimes, stop rule on",
        Bar(high=0.05),
    )


def familywise_splits(tier_counts: Sequence[int]) -> Finding:
    """Return how often identical candidates were ranked in more than one tier."""
    split_count = sum(count > 1 for count in tier_counts)
    meaning = "rankings of identical candidates with more than one tier"
    return share("familywise_split_ratio", split_count, len(tier_counts), meaning, Bar(high=0.05))


def power(comparisons: Sequence[Comparison], percent: int, bar: Bar | None) -> Finding:
    """Return how often a real slow-down by `percent` was found, with the right sign."""
    slow = [one for one in comparisons if math.isclose(one.truth_ratio, 1 + percent / 100)]
    found = sum(one.is_different and one.effect.ratio > 1 for one in slow)
    return share(
        f"power_{percent}pct_ratio", found, len(slow), f"calls that really take {percent} % longer: found", bar
    )


def coverage(comparisons: Sequence[Comparison]) -> Finding:
    """Return how often the 95 % interval of the ratio held the truth after stopping."""
    return share(
        "interval_coverage_ratio",
        sum(one.covers_truth for one in comparisons),
        len(comparisons),
        "95 % intervals of a ratio that hold the true ratio (1, and the slow-downs), after stopping",
        Bar(low=0.92, high=0.98),
    )


def half_width(comparisons: Sequence[Comparison], rule: StopRule) -> Finding:
    """Return the median half-width of the intervals from the fewest rounds of the rule."""
    widths = sorted(one.first_effect.half_width or math.inf for one in comparisons)
    return Finding(
        name="interval_half_width_ratio",
        value=median(widths) if widths else None,
        meaning=f"half-width of the 95 % interval of a ratio after {rule.min_rounds} rounds, median",
        bar=Bar(high=rule.half_width),
        of_count=len(widths),
    )


def rounds_used(comparisons: Sequence[Comparison]) -> Finding:
    """Return how many rounds a comparison took."""
    counts = [one.round_count for one in comparisons]
    return Finding(
        name="rounds_used",
        value=median(counts) if counts else None,
        meaning=f"rounds until a comparison stopped, median (most: {max(counts, default=0)})",
        bar=Bar(high=15),
        of_count=len(counts),
    )


def _comparison(window: Window, one: str, other: str, rule: StopRule) -> Comparison | None:
    logs = _logs(window, one, other)
    effect, first = stopped(logs, rule), effect_of(logs[: rule.min_rounds])
    if effect is None or first is None:
        return None
    return Comparison(window.subject, window.truths[one] / window.truths[other], effect, first)


def _logs(window: Window, one: str, other: str) -> list[float]:
    nothing: RoundTimes = {}
    return list(round_logs(window.times.get(one, nothing), window.times.get(other, nothing)).values())


def _ratio(effect: Effect | None) -> float:
    return effect.ratio if effect else math.inf
