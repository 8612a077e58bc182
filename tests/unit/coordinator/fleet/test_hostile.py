"""What is not believed of an agent."""

from dataclasses import replace

import pytest

from mltest.coordinator.fleet.hostile import MAX_TEXT_CHARS, check_event, cleaned
from mltest.coordinator.job.scheduler import plan_visits
from mltest.shared.domain import (
    CandidateEnded,
    Outcome,
    PredictionsStored,
    SampleBatch,
    SampleSeries,
    VisitEnded,
    VisitEvent,
    VisitEventBody,
    VisitStarted,
)
from mltest.shared.errors import VisitInterruptedError
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, SUBJECT

VISIT = plan_visits(SUBJECT, AGENT, [NATIVE], rounds=range(3))[0]
SERIES = SampleSeries(candidate_id="native", metric="latency_ns", started_monotonic_ns=1, values=(1, 2))
STARTED = VisitStarted(visit_id=VISIT.visit_id, attempt=1, agent_id="a", started_unix_ns=1)
STORED = PredictionsStored(candidate_id="native", sha256="a" * 64, size_bytes=10)
FINE: list[VisitEventBody] = [
    STARTED,
    SampleBatch(series=(SERIES,)),
    STORED,
    CandidateEnded(candidate_id="native", outcome=Outcome.OK),
    VisitEnded(outcome=Outcome.OK),
]
BAD: list[VisitEventBody] = [
    replace(STARTED, visit_id="other"),
    replace(STARTED, attempt=2),
    SampleBatch(series=(SERIES, replace(SERIES, candidate_id="stranger"))),
    SampleBatch(series=(replace(SERIES, started_monotonic_ns=2**63),)),
    replace(STORED, candidate_id="stranger"),
    replace(STORED, size_bytes=2**60),
    CandidateEnded(candidate_id="stranger", outcome=Outcome.OK),
]


@pytest.mark.parametrize("body", FINE)
@pytest.mark.promise(48)
def test_events_of_the_visit_are_taken_also_a_second_time(body: VisitEventBody) -> None:
    check_event(VisitEvent(seq=5, event=body), VISIT, expected_seq=5)
    check_event(VisitEvent(seq=4, event=body), VISIT, expected_seq=5)


@pytest.mark.parametrize("body", BAD)
@pytest.mark.promise(48)
def test_what_cannot_be_of_the_visit_is_refused(body: VisitEventBody) -> None:
    with pytest.raises(VisitInterruptedError):
        check_event(VisitEvent(seq=5, event=body), VISIT, expected_seq=5)


@pytest.mark.promise(48)
def test_a_gap_is_refused() -> None:
    with pytest.raises(VisitInterruptedError, match="event 5 is missing"):
        check_event(VisitEvent(seq=6, event=FINE[0]), VISIT, expected_seq=5)


@pytest.mark.promise(48)
def test_texts_are_printable_and_short_and_numbers_stay() -> None:
    evil = CandidateEnded(candidate_id="native", outcome=Outcome.FAILED, reason="\x1b[2J" + "x" * 10_000)
    agent = cleaned(replace(AGENT, name="lab\n\x07-1", tags=("a\x00b",)))

    assert cleaned(evil).reason.startswith("[2Jxxx")
    assert len(cleaned(evil).reason) <= MAX_TEXT_CHARS
    assert (agent.name, agent.tags) == ("lab-1", ("ab",))
    assert cleaned(SampleBatch(series=(SERIES,))) == SampleBatch(series=(SERIES,))
    assert cleaned(AGENT) == AGENT
