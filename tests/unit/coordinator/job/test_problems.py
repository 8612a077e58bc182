"""Why candidates were not measured, from what the store knows."""

from dataclasses import replace

from mltest.coordinator.job.evidence import problems_of
from mltest.coordinator.job.scheduler import plan_visits
from mltest.coordinator.store import CandidateOutcome, StoredVisit
from mltest.shared.domain import Outcome, Standing
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, SUBJECT, others

VISIT = StoredVisit(
    agent_id="a",
    spec=plan_visits(SUBJECT, AGENT, [NATIVE, *others(1)], rounds=range(3))[0],
    outcome=None,
    reason_code="",
    reason="",
)


def outcome(candidate_id: str, ended: Outcome | None, reason: str = "") -> CandidateOutcome:
    return CandidateOutcome(
        agent_id="a",
        candidate_id=candidate_id,
        round_index=None if ended is None else 0,
        outcome=ended,
        reason_code="",
        reason=reason,
    )


def found(outcomes: list[CandidateOutcome], visits: list[StoredVisit]) -> list[tuple[str, Standing, str]]:
    return [(problem.candidate_id, problem.standing, problem.reason) for problem in problems_of(outcomes, visits)]


def test_a_candidate_that_cannot_run_there_is_impossible() -> None:
    assert found([outcome("native", None, "no runtime")], []) == [("native", Standing.IMPOSSIBLE, "no runtime")]


def test_what_a_candidate_did_itself_goes_before_what_became_of_its_visit() -> None:
    failed = outcome("native", Outcome.FAILED, "it crashed")
    lost = replace(VISIT, outcome=Outcome.FAILED, reason="the agent is gone")

    assert found([failed], [lost]) == [
        ("native", Standing.FAILED, "it crashed"),
        ("other0", Standing.FAILED, "the agent is gone"),
    ]


def test_a_candidate_that_was_measured_once_has_no_problem_when_a_later_visit_is_lost() -> None:
    ended = [outcome("native", Outcome.OK), outcome("other0", Outcome.OK)]

    assert found(ended, [replace(VISIT, outcome=Outcome.FAILED, reason="gone")]) == []


def test_a_visit_that_was_not_reached_leaves_its_candidates_unmeasured() -> None:
    reason = "the job was stopped before it was measured"

    assert found([], [VISIT]) == [("native", Standing.UNMEASURED, reason), ("other0", Standing.UNMEASURED, reason)]
