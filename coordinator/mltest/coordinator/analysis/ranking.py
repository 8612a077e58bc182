"""Orders candidates by the plan's objective, and puts those that cannot be told apart on one rank."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mltest.coordinator.analysis.paired import PairedTimes
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Result, StandingRow
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.claims import ALPHA_FIXED, SMALLEST_DIFFERENCE
from mltest.shared.statistics.intervals import Interval
from mltest.shared.statistics.paired import Effect
from mltest.shared.statistics.tiers import claimed_pairs, tier_ranks

_NOISY_ENDINGS = ("_s", "memory_loaded_bytes", "memory_peak_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A candidate on an agent, with the figure that it is ranked by."""

    row: StandingRow
    """Without its rank."""
    figure: Result
    """Its value is not None."""
    samples: SampleEvidence | None
    """None where nothing was timed."""

    @property
    def value(self) -> float:
        """The figure's value."""
        assert self.figure.value is not None
        return self.figure.value


def ranked(
    contenders: Sequence[Contender],
    times: PairedTimes,
    *,
    references: Mapping[str, SampleEvidence],
    alpha: float = ALPHA_FIXED,
) -> tuple[tuple[int, Contender], ...]:
    """Return the contenders, best first, each with its rank.

    A contender starts a new rank only if it differs from the first of the rank above. Where the objective is a time or
    a rate, that is told on the same agent by slices measured side by side, among all pairs of that agent; where memory
    did not allow the two side by side, by intervals of their ratios to the reference that do not overlap. Across
    agents, and for other noisy figures, it is told by absolute intervals that do not overlap. A value that is the same
    in every run, such as a size or an accuracy, differs if it differs.

    Args:
        contenders: of all agents.
        times: slices at the objective, which decides.
        references: of each agent, by its identity, what was measured beside everything else.
        alpha: how likely at most even one of the differences on an agent is false.

    """
    objective = times.objective
    is_higher_better = RESULT_METRICS[objective.metric].better is Better.HIGHER
    effects = _common_effects(contenders, times, references)
    values = _comparable_values(contenders, effects, is_higher_better=is_higher_better)
    order = sorted(range(len(contenders)), key=lambda index: -values[index] if is_higher_better else values[index])
    claimed = _claimed(contenders, times, alpha)

    def differs(one: int, leader: int) -> bool:
        ours, theirs = contenders[one], contenders[leader]
        if is_exact(objective.metric):
            return ours.value != theirs.value
        if times.effect(ours.samples, theirs.samples) is not None:
            return frozenset((one, leader)) in claimed
        mine, other = effects[one], effects[leader]
        if mine and other and ours.row.agent_id == theirs.row.agent_id:
            return _are_apart(mine.ratio, mine.interval, other.ratio, other.interval)
        return _are_apart(ours.value, _interval(ours.figure), theirs.value, _interval(theirs.figure))

    ranks = tier_ranks(order, differs)
    return tuple((rank, contenders[index]) for rank, index in zip(ranks, order, strict=True))


def is_exact(metric: str) -> bool:
    """Return whether a metric has the same value in every run, so that two values need no interval to differ."""
    return not metric.endswith(_NOISY_ENDINGS)


def _claimed(contenders: Sequence[Contender], times: PairedTimes, alpha: float) -> frozenset[frozenset[int]]:
    """Return the pairs of contenders, by index, whose difference on their agent may be claimed."""

    def effect(one: int, other: int) -> Effect | None:
        return times.effect(contenders[one].samples, contenders[other].samples)

    by_agent: dict[str, list[int]] = {}
    for index, contender in enumerate(contenders):
        by_agent.setdefault(contender.row.agent_id, []).append(index)
    pairs = (claimed_pairs(indexes, effect, alpha=alpha) for indexes in by_agent.values())
    return frozenset().union(*pairs)


def _common_effects(
    contenders: Sequence[Contender], times: PairedTimes, references: Mapping[str, SampleEvidence]
) -> list[Effect | None]:
    """Return the effect of each contender against what was measured beside all of its agent.

    That is the reference; without one, the contender with most rounds.
    """
    longest: dict[str, SampleEvidence] = {}
    for contender in sorted(contenders, key=lambda contender: -times.round_count(contender.samples)):
        if contender.samples is not None:
            longest.setdefault(contender.row.agent_id, contender.samples)
    yardsticks = {**longest, **references}
    return [times.effect(contender.samples, yardsticks.get(contender.row.agent_id)) for contender in contenders]


def _comparable_values(
    contenders: Sequence[Contender], effects: Sequence[Effect | None], *, is_higher_better: bool
) -> list[float]:
    """Return a value for each contender to order them by.

    Not everybody is measured in every round, and no two rounds are alike: absolute values of an agent are replaced by
    ratios to what was measured beside everybody, brought to the level of those values.
    """
    logs = [
        math.log(1 / effect.ratio if is_higher_better else effect.ratio) if effect and contender.value > 0 else None
        for contender, effect in zip(contenders, effects, strict=True)
    ]
    gaps: dict[str, list[float]] = {}
    for contender, log in zip(contenders, logs, strict=True):
        if log is not None:
            gaps.setdefault(contender.row.agent_id, []).append(math.log(contender.value) - log)
    return [
        contender.value if log is None else math.exp(fmean(gaps[contender.row.agent_id]) + log)
        for contender, log in zip(contenders, logs, strict=True)
    ]


def _are_apart(one: float, ours: Interval | None, other: float, theirs: Interval | None) -> bool:
    """Return whether two values differ: their intervals do not overlap, and the difference is large enough."""
    if ours is None or theirs is None or ours.overlaps(theirs):
        return False
    return max(one, other) > min(one, other) * (1 + SMALLEST_DIFFERENCE)


def _interval(result: Result) -> Interval | None:
    if result.low is None or result.high is None:
        return None
    return Interval(low=result.low, high=result.high)
