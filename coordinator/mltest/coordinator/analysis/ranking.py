"""Orders candidates by the plan's objective, and puts those that cannot be told apart on one rank."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from mltest.coordinator.analysis.paired import PairedTimes, effect_by
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Result, StandingRow
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.claims import ALPHA_FIXED, SMALLEST_DIFFERENCE
from mltest.shared.statistics.intervals import Interval
from mltest.shared.statistics.paired import Effect
from mltest.shared.statistics.tiers import claimed_pairs, tier_ranks

_NOISY_ENDINGS = ("_s",)
_NOISY_BEGINNINGS = ("memory_",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A candidate on an agent, with the figure that it is ranked by."""

    row: StandingRow
    """Without its rank."""
    figure: Result
    """Its value is not None."""
    samples: SampleEvidence | None
    """None where nothing was timed."""
    results: tuple[Result, ...] = ()
    """All figures of the candidate on the agent that it may be compared by."""
    is_selected: bool = False
    """Whether its recipe was chosen by one half of the rows, so that only the other half judges it."""

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
    return Differences(contenders, times, references=references, alpha=alpha).ranked()


class Differences:
    """What may be said of any two contenders by the figure that they are ordered by."""

    def __init__(
        self,
        contenders: Sequence[Contender],
        times: PairedTimes,
        *,
        references: Mapping[str, SampleEvidence],
        alpha: float = ALPHA_FIXED,
    ) -> None:
        """Take what `ranked` takes."""
        self.contenders = tuple(contenders)
        self._times = times
        self._metric = times.objective.metric
        self._references = references
        self._alpha = alpha
        self.is_higher_better = RESULT_METRICS[self._metric].better is Better.HIGHER

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Positions of the contenders, best first."""
        values = _comparable_values(self.contenders, self._effects, is_higher_better=self.is_higher_better)
        places = range(len(self.contenders))
        return tuple(sorted(places, key=lambda index: -values[index] if self.is_higher_better else values[index]))

    def ranked(self) -> tuple[tuple[int, Contender], ...]:
        """Return the contenders, best first, each with its rank."""
        ranks = tier_ranks(self.order, self.differs)
        return tuple((rank, self.contenders[index]) for rank, index in zip(ranks, self.order, strict=True))

    def differs(self, one: int, other: int) -> bool:
        """Return whether a difference between two contenders, by position, is claimed."""
        ours, theirs = self.contenders[one], self.contenders[other]
        if is_exact(self._metric):
            return ours.value != theirs.value
        if self._times.effect(ours.samples, theirs.samples) is not None:
            return frozenset((one, other)) in self._claimed
        mine, that = self._effects[one], self._effects[other]
        if mine and that and ours.row.agent_id == theirs.row.agent_id:
            return are_apart(mine.ratio, mine.interval, that.ratio, that.interval)
        return are_apart(ours.value, interval_of(ours.figure), theirs.value, interval_of(theirs.figure))

    def time_ratio(self, one: int, other: int) -> Effect | None:
        """Return the time of one contender divided by that of another of its agent; None where none can be had."""
        ours, theirs = self.contenders[one].samples, self.contenders[other].samples
        if ours is None or theirs is None or ours.agent_id != theirs.agent_id:
            return None
        direct = self._times.effect(ours, theirs)
        return direct or effect_by(self._references.get(ours.agent_id), ours, theirs, self._times)

    @cached_property
    def _effects(self) -> list[Effect | None]:
        return _common_effects(self.contenders, self._times, self._references)

    @cached_property
    def _claimed(self) -> frozenset[frozenset[int]]:
        return _claimed(self.contenders, self._times, self._alpha)


def is_exact(metric: str) -> bool:
    """Return whether a metric has the same value in every run, so that two values need no interval to differ."""
    return not metric.endswith(_NOISY_ENDINGS) and not metric.startswith(_NOISY_BEGINNINGS)


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


def are_apart(one: float, ours: Interval | None, other: float, theirs: Interval | None) -> bool:
    """Return whether two values differ: their intervals do not overlap, and the difference is large enough."""
    if ours is None or theirs is None or ours.overlaps(theirs):
        return False
    return max(one, other) > min(one, other) * (1 + SMALLEST_DIFFERENCE)


def interval_of(result: Result) -> Interval | None:
    """Return the interval of a result; None if it has none."""
    if result.low is None or result.high is None:
        return None
    return Interval(low=result.low, high=result.high)
