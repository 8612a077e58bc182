"""What is known of a running job, from its events: pure, whatever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mltest.shared.domain import (
    AgentUpdated,
    Candidate,
    CandidateUpdated,
    JobEvent,
    JobInfo,
    JobState,
    JobStateChanged,
    VisitUpdated,
)

_SETTLE_RATIO = 0.02
"""Share of the measuring that has to be done before the time left is guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The state of a job as its events tell it."""

    state: JobState = JobState.QUEUED
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    agents: Mapping[str, AgentUpdated] = field(default_factory=dict)
    """By name."""
    visits: Mapping[str, VisitUpdated] = field(default_factory=dict)
    """The last visit of each agent, by its name."""
    measuring_since_ns: int | None = None
    """Wall time of the first news of a visit, since the job was started or resumed."""
    done_before_ratio: float | None = None
    """Share of the measuring that was done when it was started or resumed."""
    now_ns: int = 0
    """Wall time of the last event."""
    visits_done: int = 0
    visits_total: int = 0
    """0 until it is known."""
    told_ratio: float = 0.0
    """The largest share of the measuring that was done so far: further rounds make it smaller again."""

    def after(self, event: JobEvent) -> "Tally":
        """Return the state after `event`."""
        state = replace(self, now_ns=event.unix_ns)
        match event.event:
            case JobStateChanged(state=JobState.RUNNING):
                return replace(
                    state,
                    state=JobState.RUNNING,
                    visits={},
                    measuring_since_ns=None,
                    done_before_ratio=None,
                    told_ratio=0.0,
                )
            case JobStateChanged(state=new):
                return replace(state, state=new)
            case CandidateUpdated(candidate=candidate):
                return replace(state, candidates={**self.candidates, candidate.candidate_id: candidate})
            case AgentUpdated() as agent:
                return replace(state, agents={**self.agents, agent.name: agent})
            case VisitUpdated() as visit:
                visits = {**self.visits, visit.agent_name: visit}
                since_ns = event.unix_ns if self.measuring_since_ns is None else self.measuring_since_ns
                return replace(state, visits=visits, measuring_since_ns=since_ns)
        return state

    def counted(self, job: JobInfo) -> "Tally":
        """Return the state with the number of visits that the coordinator says."""
        before = self.done_before_ratio
        if before is None and job.visits_total:
            before = job.visits_done / job.visits_total
        return replace(self, visits_done=job.visits_done, visits_total=job.visits_total, done_before_ratio=before)

    def told(self) -> "Tally":
        """Return the state after somebody was told how far the job is."""
        return replace(self, told_ratio=max(self.told_ratio, self.done_ratio or 0.0))

    @property
    def done_ratio(self) -> float | None:
        """Share of the measuring that is done, 0 to 1; None while the number of visits is not known."""
        if not self.visits_total:
            return None
        running = sum(visit.done_ratio for visit in self.visits.values() if visit.outcome is None)
        return min(1.0, (self.visits_done + running) / self.visits_total)

    def left_s(self, now_ns: int) -> float | None:
        """Return a guess of the time left: as fast as until now; None as long as that would be a mere guess."""
        done_ratio = self.done_ratio
        if self.measuring_since_ns is None or done_ratio is None or self.done_before_ratio is None:
            return None
        done_now_ratio = done_ratio - self.done_before_ratio
        if done_now_ratio < _SETTLE_RATIO:
            return None
        return (now_ns - self.measuring_since_ns) / 1e9 * (1 - done_ratio) / done_now_ratio

    def label_of(self, candidate_id: str) -> str:
        """Return a candidate's name for people."""
        candidate = self.candidates.get(candidate_id)
        return candidate.label if candidate else candidate_id
