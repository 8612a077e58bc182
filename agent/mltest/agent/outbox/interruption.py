"""How the journal of an attempt ends that was cut by the death of its agent. Pure."""

from collections.abc import Sequence

from mltest.agent.outbox.step import Step
from mltest.shared.domain import CandidateEnded, Outcome, SampleBatch, VisitEnded, VisitEventBody
from mltest.shared.errors import AgentDiedError, MltestError, VisitInterruptedError


def interrupted_end(
    events: Sequence[VisitEventBody], candidate_ids: Sequence[str], step: Step | None
) -> tuple[VisitEventBody, ...]:
    """Return the events that are missing: the end of each candidate, then that of the visit; none if it has ended.

    A candidate that the agent was at when it died ends with AGENT_DIED, every other one with VISIT_INTERRUPTED.

    Args:
        events: of the attempt, as far as they are known.
        candidate_ids: of the visit.
        step: what the agent was at; None if that is not known.

    """
    if any(isinstance(event, VisitEnded) for event in events):
        return ()
    ended = {event.candidate_id for event in events if isinstance(event, CandidateEnded)}
    open_ids = [candidate_id for candidate_id in candidate_ids if candidate_id not in ended]
    interrupted = VisitInterruptedError(detail="its agent died, or its machine was restarted")
    suspects = _suspects(open_ids, step)
    died = AgentDiedError(detail=f"while it was {'measured' if step and step.is_measuring else 'made ready'}")
    ends = [_end(one, died if one in suspects else interrupted) for one in open_ids]
    series = [series for event in events if isinstance(event, SampleBatch) for series in event.series]
    return (
        *ends,
        VisitEnded(
            outcome=Outcome.FAILED,
            reason_code=interrupted.code,
            reason=interrupted.message,
            series_count=len(series),
            value_count=sum(len(one.values) for one in series),
        ),
    )


def _suspects(open_ids: Sequence[str], step: Step | None) -> Sequence[str]:
    """Return whom the agent may have died of: one where that is known, all that were measured in turn where not."""
    if step is None:
        return ()
    if step.is_measuring and not step.is_same_boot:
        return open_ids
    return [one for one in open_ids if one == step.candidate_id]


def _end(candidate_id: str, error: MltestError) -> CandidateEnded:
    return CandidateEnded(
        candidate_id=candidate_id, outcome=Outcome.FAILED, reason_code=error.code, reason=error.message
    )
