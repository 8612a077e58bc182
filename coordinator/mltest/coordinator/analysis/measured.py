"""What comparing jobs needs of one job: a time for each slice, a value for each process, and what is around them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, median

from mltest.coordinator.analysis.energy_evidence import EnergyEvidence
from mltest.coordinator.analysis.paired import SliceStatistic, is_usable, slice_time_ns
from mltest.coordinator.analysis.speed import CheckedSpeed
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    JobInfo,
    Result,
    SampleSeries,
    Standings,
    VisitEnded,
    VisitStarted,
)
from mltest.shared.metrics import TIMED_METRICS
from mltest.shared.statistics.paired import RoundTimes

SLICE_STATISTICS: Mapping[str, SliceStatistic] = {"median": median, "mean": fmean}
"""What may stand for the calls of a slice."""

_Cell = tuple[str, int, str]
"""Raw metric, rows per call, statistic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """One form of a call with one batch size."""

    metric: str
    """Of the raw values."""
    batch_size: int
    statistic: str
    """What stands for the calls of a slice: median or mean."""
    times: RoundTimes
    """In ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One candidate on one agent."""

    candidate_id: str
    agent_id: str
    slices: tuple[Slices, ...] = ()
    processes: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """What is measured once in a process, by raw metric and round: the median if it has several values."""

    def times(self, metric: str, batch_size: int, statistic: str = "median") -> RoundTimes:
        """Return the slices of one form with one batch size; empty if there are none."""
        for found in self.slices:
            if (found.metric, found.batch_size, found.statistic) == (metric, batch_size, statistic):
                return found.times
        return {}

    def smallest_batch(self, metric: str) -> int:
        """Return the smallest batch size that a form was timed with; 0 if it was not timed."""
        return min((found.batch_size for found in self.slices if found.metric == metric), default=0)


class MeasuredBuilder:
    """Takes series in any order, and keeps of each only what stands for it."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], dict[_Cell, dict[int, dict[int, float]]]] = {}
        self._processes: dict[tuple[str, str], dict[str, dict[int, float]]] = {}

    def add(self, agent_id: str, round_index: int, series: SampleSeries) -> None:
        """Take one series; slices of a throttled machine do not count."""
        if not is_usable(series):
            return
        key = (series.candidate_id, agent_id)
        cells, processes = self._cells.setdefault(key, {}), self._processes.setdefault(key, {})
        if series.metric not in TIMED_METRICS:
            if not series.batch_size:
                processes.setdefault(series.metric, {})[round_index] = float(median(series.values))
            return
        for name, statistic in SLICE_STATISTICS.items():
            rounds = cells.setdefault((series.metric, series.batch_size, name), {})
            rounds.setdefault(round_index, {})[series.slice_index] = slice_time_ns(series, statistic)

    def measured(self) -> tuple[Measured, ...]:
        """Return what came of each candidate on each agent."""
        return tuple(
            Measured(
                candidate_id=candidate_id,
                agent_id=agent_id,
                slices=tuple(
                    Slices(metric=metric, batch_size=batch_size, statistic=statistic, times=times)
                    for (metric, batch_size, statistic), times in cells.items()
                ),
                processes=self._processes[candidate_id, agent_id],
            )
            for (candidate_id, agent_id), cells in self._cells.items()
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredJob:
    """One job as comparisons see it."""

    job: JobInfo
    candidates: tuple[Candidate, ...]
    results: tuple[Result, ...]
    standings: Standings
    measured: tuple[Measured, ...]
    agents: tuple[AgentInfo, ...]
    environments: Mapping[str, Mapping[str, str]]
    """What numbers depend on, by agent."""
    fingerprints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the machine was and how it was set up, by agent; absent where agents do not say it."""
    speeds: Mapping[str, CheckedSpeed] = field(default_factory=dict)
    """By agent whose speed was checked."""
    energies: Mapping[tuple[str, str], EnergyEvidence] = field(default_factory=dict)
    """What was recorded of energy, by candidate and agent."""
    has_stop_rule: bool = False
    """Whether a rule that looked at the samples ended the rounds."""

    @cached_property
    def by_key(self) -> Mapping[tuple[str, str], Measured]:
        """What was measured, by candidate and agent."""
        return {(found.candidate_id, found.agent_id): found for found in self.measured}

    @cached_property
    def reference(self) -> Candidate | None:
        """The pinned reference; None in a job that had none."""
        return next((found for found in self.candidates if found.is_reference and found.is_possible), None)

    @cached_property
    def baseline(self) -> Candidate | None:
        """The native baseline of this job's own model."""
        return next((found for found in own(self.candidates) if found.is_baseline and found.is_possible), None)


def own(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates of a job's own model: not those of an earlier job, and not the reference."""
    return tuple(found for found in candidates if not found.from_job_id and not found.is_reference)


def environment_of(
    agent: AgentInfo, visits: Sequence[tuple[VisitStarted | None, VisitEnded | None]]
) -> Mapping[str, str]:
    """Return what the numbers of an agent depend on, by name; what changed within the job has all of its values.

    Args:
        agent: as it took part.
        visits: beginning and end of each attempt there that ended well.

    """
    found: dict[str, dict[str, None]] = {}

    def add(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            found.setdefault(name, {})[value] = None

    host = agent.host
    add({"cpu": host.cpu_model, "cores": str(host.logical_cores), "kernel": host.kernel, "os": host.os})
    for started, ended in visits:
        add(started.versions if started else {})
        add({"sandbox": ", ".join(started.sandbox.walls)} if started and started.sandbox.walls else {})
        add(ended.machine.settings if ended and ended.machine else {})
    return {name: " / ".join(sorted(values)) for name, values in sorted(found.items())}


def fingerprint_of(visits: Sequence[tuple[VisitStarted | None, VisitEnded | None]]) -> Mapping[str, str]:
    """Return the facts of the fingerprints of an agent's visits, by name; arguments as for `environment_of`.

    The two digests come first: they say in one word whether the rest has to be looked at.
    """
    found: dict[str, dict[str, None]] = {}
    for started, _ in visits:
        if started is not None and (one := started.fingerprint) is not None:
            digests = {"hardware": one.hardware_digest[:12], "configuration": one.configuration_digest[:12]}
            hardware = {f"hardware: {name}": text for name, text in one.hardware.items()}
            configuration = {f"configuration: {name}": text for name, text in one.configuration.items()}
            for name, text in (digests | hardware | configuration).items():
                found.setdefault(name, {})[text] = None
    return {name: " / ".join(values) for name, values in found.items()}
