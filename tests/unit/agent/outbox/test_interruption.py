from mltest.agent.outbox.interruption import interrupted_end
from mltest.agent.outbox.step import Step
from mltest.shared.domain import CandidateEnded, Outcome, SampleBatch, SampleSeries, VisitEnded, VisitStarted

STARTED = VisitStarted(visit_id="v", attempt=1, agent_id="x", started_unix_ns=0)
IDS = ("a", "b", "c")


def measuring(candidate_id: str, *, is_same_boot: bool = True) -> Step:
    return Step(candidate_id=candidate_id, is_measuring=True, is_same_boot=is_same_boot)


def codes(*events: object, step: Step | None) -> dict[str, str]:
    end = interrupted_end([STARTED, *events], IDS, step)  # type: ignore[list-item]
    return {one.candidate_id: one.reason_code for one in end if isinstance(one, CandidateEnded)}


def test_an_attempt_that_ended_is_left_as_it_is() -> None:
    assert interrupted_end([STARTED, VisitEnded(outcome=Outcome.OK)], IDS, measuring("a")) == ()


def test_the_candidate_that_was_made_ready_is_the_suspect() -> None:
    step = Step(candidate_id="b", is_measuring=False, is_same_boot=False)
    assert codes(step=step) == {"a": "VISIT_INTERRUPTED", "b": "AGENT_DIED", "c": "VISIT_INTERRUPTED"}


def test_the_candidate_that_was_measured_is_the_suspect_while_the_machine_lived() -> None:
    assert codes(step=measuring("c")) == {"a": "VISIT_INTERRUPTED", "b": "VISIT_INTERRUPTED", "c": "AGENT_DIED"}


def test_every_candidate_that_was_measured_in_turn_is_a_suspect_when_the_machine_went_down() -> None:
    ended = CandidateEnded(candidate_id="a", outcome=Outcome.FAILED)
    assert codes(ended, step=measuring("c", is_same_boot=False)) == {"b": "AGENT_DIED", "c": "AGENT_DIED"}


def test_nobody_is_suspected_where_nothing_is_known() -> None:
    assert set(codes(step=None).values()) == {"VISIT_INTERRUPTED"}


def test_the_end_says_what_was_sent_before() -> None:
    series = SampleSeries(candidate_id="a", metric="latency_ns", started_monotonic_ns=0, values=(1, 2))
    ended = interrupted_end([STARTED, SampleBatch(series=(series, series))], IDS, None)[-1]
    assert isinstance(ended, VisitEnded)
    assert (ended.outcome, ended.reason_code) == (Outcome.FAILED, "VISIT_INTERRUPTED")
    assert (ended.series_count, ended.value_count) == (2, 4)
