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


def round_text(round_index: int) -> str:
    """Return the name of a round for people, who count from 1, and those of energy apart."""
    if round_index >= FIRST_ENERGY_ROUND:
        return f"energy round {round_index - FIRST_ENERGY_ROUND + 1}"
    return f"round {round_index + 1}"


def values_word(round_index: int) -> str:
    """Return what a round gives."""
    return "readings" if round_index >= FIRST_ENERGY_ROUND else "values"


def tenth_line(tally: Tally) -> str:
    """Return how far the job is where that is another tenth more than was told; empty otherwise."""
    done_ratio = tally.done_ratio
    if done_ratio is None or int(tally.told_ratio * _STEPS_OF_PROGRESS) >= int(done_ratio * _STEPS_OF_PROGRESS):
        return ""
    left_s = tally.left_s(tally.now_ns)
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
    where = f"  {round_text(visit.round_index)} on {visit.agent_name}"
    if visit.outcome is Outcome.OK:
        return f"{where}: {visit.value_count:,} {values_word(visit.round_index)}"
    return f"{where}, attempt {visit.attempt}: {visit.outcome.value}{_because(visit.reason)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
