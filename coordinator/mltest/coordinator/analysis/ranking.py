"""Orders candidates by the plan's objective, and puts those that cannot be told apart on one rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from mltest.coordinator.analysis.paired import Effect, SliceStatistic, paired_effect
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Result, StandingRow
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.intervals import Interval

SMALLEST_DIFFERENCE = 0.02
"""Differences of at most 2 % are not claimed; with it, false ones stay under 5 % between identical candidates."""

PAIRED: dict[tuple[str, str], SliceStatistic] = {
    ("latency_s", "median"): median,
    ("latency_s", "mean"): fmean,
    ("throughput_rows_per_s", "mean"): fmean,
}
"""Figures whose differences are read from slices side by side, and what stands for the calls of a slice."""
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


def ranked(contenders: Sequence[Contender], objective: Objective) -> tuple[tuple[int, Contender], ...]:
    """Return the contenders, best first, each with its rank.

    A contender starts a new rank only if it differs from the first of the rank above.
    """
    is_higher_better = RESULT_METRICS[objective.metric].better is Better.HIGHER
    order = sorted(contenders, key=lambda contender: -contender.value if is_higher_better else contender.value)
    placed: list[tuple[int, Contender]] = []
    rank, leader = 1, None
    for position, contender in enumerate(order, start=1):
        if leader is None or differ(contender, leader, objective):
            rank, leader = position, contender
        placed.append((rank, contender))
    return tuple(placed)


def differ(one: Contender, other: Contender, objective: Objective) -> bool:
    """Return whether the two can be told apart.

    On the same agent by slices measured side by side, where the objective is a time or a rate; otherwise by intervals
    that do not overlap. A value that is the same in every run, such as a size or an accuracy, differs if it differs.
    """
    if is_exact(objective.metric):
        return one.value != other.value
    effect = effect_between(one, other, objective)
    if effect is not None:
        return is_claimed(effect)
    ours, theirs = _interval(one.figure), _interval(other.figure)
    return (
        ours is not None
        and theirs is not None
        and not ours.overlaps(theirs)
        and abs(one.value / other.value - 1) > SMALLEST_DIFFERENCE
    )


def effect_between(one: Contender, other: Contender, objective: Objective) -> Effect | None:
    """Return the time of `one` divided by that of `other`; None where the objective or the agents do not allow it."""
    slice_statistic = PAIRED.get((objective.metric, objective.statistic))
    if slice_statistic is None or one.samples is None or other.samples is None:
        return None
    if one.samples.agent_id != other.samples.agent_id:
        return None
    return paired_effect(one.samples, other.samples, objective.batch_size, slice_statistic)


def is_claimed(effect: Effect) -> bool:
    """Return whether a difference may be claimed: its interval excludes 1, and it is large enough to matter."""
    interval = effect.interval
    return (
        interval is not None and not interval.low <= 1 <= interval.high and abs(effect.ratio - 1) > SMALLEST_DIFFERENCE
    )


def is_exact(metric: str) -> bool:
    """Return whether a metric has the same value in every run, so that two values need no interval to differ."""
    return not metric.endswith(_NOISY_ENDINGS)


def _interval(result: Result) -> Interval | None:
    if result.low is None or result.high is None:
        return None
    return Interval(low=result.low, high=result.high)
