"""How much slower or faster one candidate is than another: paired log ratios of slices measured side by side.

Slices of all candidates alternate within a round, so whatever disturbs the machine meets both sides of a ratio. A
median over slices is one figure for a round; the interval is over rounds.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from mltest.coordinator.tests.role import RoundSamples, SampleEvidence
from mltest.shared.statistics.intervals import Interval, log_interval

SliceStatistic = Callable[[Sequence[int]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Time of one candidate divided by the time of another, on the same agent and from the same slices."""

    ratio: float
    interval: Interval | None
    """None for fewer than two rounds: then nothing can be claimed."""

    @property
    def inverse(self) -> "Effect":
        """The same seen from the other side: a speed-up instead of a slow-down."""
        turned = self.interval and Interval(low=1 / self.interval.high, high=1 / self.interval.low)
        return Effect(ratio=1 / self.ratio, interval=turned)


def paired_effect(
    candidate: SampleEvidence,
    reference: SampleEvidence,
    batch_size: int,
    slice_statistic: SliceStatistic = median,
) -> Effect | None:
    """Return the time of `candidate` divided by that of `reference`; None where they share no slice.

    Args:
        candidate: samples from one agent.
        reference: samples from the same agent.
        batch_size: rows per call.
        slice_statistic: what stands for the calls of one slice.

    """
    rounds = {samples.round_index: _slices(samples, batch_size, slice_statistic) for samples in reference.rounds}
    ratios = []
    for samples in candidate.rounds:
        ours = _slices(samples, batch_size, slice_statistic)
        theirs = rounds.get(samples.round_index, {})
        logs = [math.log(ours[index] / theirs[index]) for index in ours.keys() & theirs.keys()]
        if logs:
            ratios.append(math.exp(median(logs)))
    if not ratios:
        return None
    return Effect(ratio=math.exp(fmean(math.log(ratio) for ratio in ratios)), interval=log_interval(ratios))


def _slices(samples: RoundSamples, batch_size: int, slice_statistic: SliceStatistic) -> dict[int, float]:
    """Return one positive time for each slice, by its index."""
    return {
        series.slice_index: max(slice_statistic(series.values), 1.0)
        for series in samples.series
        if series.metric == "latency_ns" and series.batch_size == batch_size and series.values
    }
