"""From stored series to paired comparisons of two candidates on one agent."""

from collections.abc import Callable, Sequence
from statistics import fmean, median

from mltest.coordinator.analysis.energy_evidence import EnergyEvidence
from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.analysis.unpaired import unpaired_ratio
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import SampleSeries
from mltest.shared.energy.rounds import RoundEnergy
from mltest.shared.statistics.paired import Effect, RoundTimes, effect_of, round_logs

SliceStatistic = Callable[[Sequence[int]], float]

_SLICE_STATISTICS: dict[str, SliceStatistic] = {"median": median, "mean": fmean, "value": median}

_JOULES: dict[str, Callable[[RoundEnergy], float]] = {
    "gross_energy_j": lambda one: one.gross_j,
    "net_energy_j": lambda one: one.net_j,
}


class PairedTimes:
    """The slices of all candidates at the objective, each summed up once; or their joules, round by round.

    An objective that no slices stand behind, such as a size or a tail, leaves nothing to be paired.
    """

    def __init__(self, objective: Objective, boundary: str = "") -> None:
        self.objective = objective
        self._boundary = boundary
        self._raw_metric = RAW_OF_RESULT.get(objective.metric, "")
        self._slice_statistic = _SLICE_STATISTICS.get(objective.statistic)
        self._batch_size = objective.batch_size
        self._times: dict[tuple[str, str], RoundTimes] = {}

    def effect(self, candidate: SampleEvidence | None, reference: SampleEvidence | None) -> Effect | None:
        """Return the time of `candidate` divided by that of `reference`; None where they share no slice."""
        if candidate is None or reference is None or candidate.agent_id != reference.agent_id:
            return None
        return effect_of(list(round_logs(self._of(candidate), self._of(reference)).values()))

    def round_count(self, evidence: SampleEvidence | None) -> int:
        """Return in how many rounds there are slices."""
        return len(self._of(evidence)) if evidence else 0

    def _joules(self, evidence: SampleEvidence) -> RoundTimes:
        key = (evidence.candidate_id, evidence.agent_id)
        if key not in self._times:
            self._times[key] = round_joules(evidence, self.objective, self._boundary)
        return self._times[key]

    def _of(self, evidence: SampleEvidence) -> RoundTimes:
        if is_energy(self.objective.metric):
            return self._joules(evidence)
        if not self._raw_metric or self._slice_statistic is None:
            return {}
        key = (evidence.candidate_id, evidence.agent_id)
        if key not in self._times:
            batch_size = self._batch_size or _largest_batch(evidence, self._raw_metric)
            self._times[key] = round_times(evidence, self._raw_metric, batch_size, self._slice_statistic)
        return self._times[key]


def effect_by(
    reference: SampleEvidence | None, candidate: SampleEvidence, other: SampleEvidence, times: PairedTimes
) -> Effect | None:
    """Return the time of `candidate` divided by that of `other`, which share no slice, through a common reference.

    Nothing is claimed by it: it has no rounds of its own, only an interval (Welch's).
    """
    ours, theirs = times.effect(candidate, reference), times.effect(other, reference)
    found = unpaired_ratio(theirs.logs, ours.logs) if ours and theirs else None
    return Effect(ratio=found.ratio, interval=found.interval) if found else None


def is_energy(metric: str) -> bool:
    """Return whether a metric is joules for one inference."""
    return metric in _JOULES


def round_joules(evidence: SampleEvidence, objective: Objective, boundary: str = "") -> RoundTimes:
    """Return joules for one inference, by round, as if each were one slice; empty where some are not above zero.

    Args:
        evidence: of one candidate on one agent.
        objective: gross or net, and rows per call.
        boundary: name that it is ranked by; empty: the first that there is.

    """
    return joules_by_round(evidence.energy, objective.metric, objective.batch_size, boundary)


def joules_by_round(energy: EnergyEvidence, metric: str, batch_size: int, boundary: str = "") -> RoundTimes:
    """Return the same of what was recorded; `metric` is one of which `is_energy` holds."""
    found = (cell for (size, name), cell in energy.cells.items() if size == batch_size and boundary in ("", name))
    cell = next(found, None)
    joules = {one.round_index: _JOULES[metric](one) for one in cell.rounds} if cell else {}
    return {index: {0: value} for index, value in joules.items()} if all(v > 0 for v in joules.values()) else {}


def paired_effect(
    candidate: SampleEvidence,
    reference: SampleEvidence,
    batch_size: int,
    slice_statistic: SliceStatistic = median,
    *,
    raw_metric: str = "latency_ns",
) -> Effect | None:
    """Return the time of `candidate` divided by that of `reference`; None where they share no slice.

    Args:
        candidate: samples from one agent.
        reference: samples from the same agent.
        batch_size: rows per call.
        slice_statistic: what stands for the calls of one slice.
        raw_metric: form of the call.

    """
    ours, theirs = (
        round_times(evidence, raw_metric, batch_size, slice_statistic) for evidence in (candidate, reference)
    )
    return effect_of(list(round_logs(ours, theirs).values()))


def round_times(
    evidence: SampleEvidence, raw_metric: str, batch_size: int, slice_statistic: SliceStatistic = median
) -> RoundTimes:
    """Return one positive time in ns for each slice, by round; slices of a throttled machine are left out."""
    found = {
        samples.round_index: {
            series.slice_index: slice_time_ns(series, slice_statistic)
            for series in samples.series
            if (series.metric, series.batch_size) == (raw_metric, batch_size) and is_usable(series)
        }
        for samples in evidence.rounds
    }
    return {round_index: slices for round_index, slices in found.items() if slices}


def slice_time_ns(series: SampleSeries, slice_statistic: SliceStatistic = median) -> float:
    """Return what stands for the calls of one slice: the time of one call, at least 1 ns."""
    return max(slice_statistic(series.values) / max(series.calls_per_value, 1), 1.0)


def is_usable(series: SampleSeries) -> bool:
    """Return whether a series has values, and the machine was not throttled meanwhile."""
    return bool(series.values) and not series.is_throttled


def _largest_batch(evidence: SampleEvidence, raw_metric: str) -> int:
    sizes = (
        series.batch_size for samples in evidence.rounds for series in samples.series if series.metric == raw_metric
    )
    return max(sizes, default=0)
