"""What a job's events say in one line each; an empty line for what is only of interest while it lasts."""

from mltest.coordinator.report.tally import Tally
from mltest.shared.domain import (
    FIRST_ENERGY_ROUND,
    AgentUpdated,
    CandidateUpdated,
    JobEvent,
    JobNote,
    JobState,
    JobStateChanged,
    Outcome,
    StepStarted,
    VisitUpdated,
)
from mltest.shared.units import bytes_text, duration_text

_STEPS_OF_PROGRESS = 10


def line_of(event: JobEvent) -> str:
    """Return what `event` says."""
    match event.event:
        case JobStateChanged() as changed:
            return _state(changed)
        case StepStarted() as step:
            return step.text
        case CandidateUpdated() as updated:
            return _candidate(updated)
        case AgentUpdated() as agent:
            takes_part = "takes part" if agent.takes_part else "does not take part"
            return f"  agent {agent.name} {takes_part}{_because(agent.reason)}"
        case VisitUpdated() as visit:
            return _visit(visit)
        case JobNote() as note:
            return f"  {note.text}"


def tenth_line(before: Tally, after: Tally) -> str:
    """Return how far the job is where another tenth of it was done since `before`; empty otherwise."""
    done_ratio = after.done_ratio
    if done_ratio is None or int((before.done_ratio or 0) * _STEPS_OF_PROGRESS) == int(done_ratio * _STEPS_OF_PROGRESS):
        return ""
    left_s = after.left_s(after.now_ns)
    left = f", about {duration_text(left_s)} left" if left_s else ""
    return f"  {done_ratio:.0%} done{left}"


def _state(changed: JobStateChanged) -> str:
    if changed.state in (JobState.QUEUED, JobState.RUNNING):
        return ""
    if changed.state is JobState.FAILED:
        return "The job failed."
    return f"The job is {changed.state.value}{_because(changed.reason) or '.'}"


def _candidate(updated: CandidateUpdated) -> str:
    candidate = updated.candidate
    if candidate.is_reference:
        return ""
    if candidate.is_possible:
        size = "" if candidate.artifact_bytes is None else f" ({bytes_text(candidate.artifact_bytes)})"
        return f"  candidate {candidate.label}{size}"
    return f"  no candidate {candidate.label}{_because(candidate.reason)}" if candidate.reason else ""


def _visit(visit: VisitUpdated) -> str:
    if visit.outcome is None:
        return ""
    is_energy = visit.round_index >= FIRST_ENERGY_ROUND
    number = visit.round_index - (FIRST_ENERGY_ROUND if is_energy else 0) + 1
    where = f"  {'energy, ' if is_energy else ''}round {number} on {visit.agent_name}"
    if visit.outcome is Outcome.OK:
        return f"{where}: {visit.value_count:,} {'readings' if is_energy else 'values'}"
    return f"{where}, attempt {visit.attempt}: {visit.outcome.value}{_because(visit.reason)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
