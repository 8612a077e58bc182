"""What a job found out: who cannot run where, how candidates ended, evaluations, and the conclusion."""

from collections.abc import Sequence
from dataclasses import dataclass

from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database
from mltest.shared.domain import AgentInfo, CallRemark, CallsVerified, Disagreement, Outcome, Result, Standings
from mltest.shared.jsonable import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOutcome:
    """How a candidate ended in one round on one agent, or why it was not tried there."""

    agent_id: str
    candidate_id: str
    round_index: int | None
    """None where it was not tried, or was given up."""
    outcome: Outcome | None
    """None where it was not tried."""
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedEnd:
    """How a candidate ended in one attempt, whether or not that counts."""

    agent_id: str
    candidate_id: str
    reason_code: str
    counts: bool
    """Whether the attempt ended well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrediction:
    """Predictions that an agent made."""

    agent_id: str
    candidate_id: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerification:
    """What the timed calls of a candidate answered in one round on one agent."""

    agent_id: str
    round_index: int
    verified: CallsVerified


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRemarks:
    """What was remarked on a candidate in one round on one agent."""

    agent_id: str
    candidate_id: str
    round_index: int
    remarks: tuple[CallRemark, ...]
    thread_count: int | None
    """Threads of its process; None if it is not known."""


class OutcomeTable:
    """Outcomes of all jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_participants(self, job_id: str, agents: Sequence[AgentInfo]) -> None:
        """Keep who takes part in a job, as it is now; earlier ones stay."""
        with self._database.transaction():
            self._database.table("participant").upsert_all(
                ({"job_id": job_id, "agent_id": agent.agent_id, "agent_json": to_json(agent)} for agent in agents),
                pk=("job_id", "agent_id"),
            )

    def participants(self, job_id: str) -> tuple[AgentInfo, ...]:
        """Return who took part."""
        rows = self._database.execute(sql.PARTICIPANTS, {"job_id": job_id})
        return tuple(from_json(row["agent_json"], AgentInfo) for row in rows)

    def set_mismatches(self, job_id: str, mismatches: Sequence[CandidateOutcome]) -> None:
        """Keep which candidates cannot run on which agents."""
        with self._database.transaction():
            self._database.table("mismatch").delete_where("job_id = ?", [job_id])
            self._database.table("mismatch").insert_all(
                {
                    "job_id": job_id,
                    "agent_id": found.agent_id,
                    "candidate_id": found.candidate_id,
                    "reason_code": found.reason_code,
                    "reason": found.reason,
                }
                for found in mismatches
            )

    def of_job(self, job_id: str) -> tuple[CandidateOutcome, ...]:
        """Return mismatches and what was given up, then how candidates ended in the attempts that count, by round."""
        mismatches = self._database.execute(sql.MISMATCHES, {"job_id": job_id})
        given_up = self._database.execute(sql.GIVEN_UP, {"job_id": job_id})
        ends = self._database.execute(sql.COUNTED_ENDS, {"job_id": job_id})
        return (
            *(
                CandidateOutcome(
                    agent_id=row["agent_id"],
                    candidate_id=row["candidate_id"],
                    round_index=None,
                    outcome=outcome,
                    reason_code=row["reason_code"],
                    reason=row["reason"],
                )
                for rows, outcome in ((mismatches, None), (given_up, Outcome.FAILED))
                for row in rows
            ),
            *(
                CandidateOutcome(
                    agent_id=row["agent_id"],
                    candidate_id=row["candidate_id"],
                    round_index=row["round_index"],
                    outcome=Outcome(row["outcome"]),
                    reason_code=row["reason_code"],
                    reason=row["reason"],
                )
                for row in ends
            ),
        )

    def give_up(self, job_id: str, agent_id: str, candidate_id: str, *, reason_code: str, reason: str) -> None:
        """Keep that a candidate is not tried any more on an agent; the first reason stays."""
        with self._database.transaction():
            self._database.execute(sql.GIVE_UP, (job_id, agent_id, candidate_id, reason_code, reason))

    def tried(self, job_id: str) -> tuple[TriedEnd, ...]:
        """Return how candidates ended in every attempt that is closed, in the order of attempts."""
        return tuple(
            TriedEnd(
                agent_id=row["agent_id"],
                candidate_id=row["candidate_id"],
                reason_code=row["reason_code"],
                counts=row["outcome"] == Outcome.OK.value,
            )
            for row in self._database.execute(sql.TRIED_ENDS, {"job_id": job_id})
        )

    def predictions(self, job_id: str) -> tuple[StoredPrediction, ...]:
        """Return the first predictions of each candidate on each agent, from attempts that count."""
        found: dict[tuple[str, str], StoredPrediction] = {}
        for row in self._database.execute(sql.COUNTED_PREDICTIONS, {"job_id": job_id}):
            prediction = StoredPrediction(
                agent_id=row["agent_id"],
                candidate_id=row["candidate_id"],
                sha256=row["sha256"],
                size_bytes=row["size_bytes"],
            )
            found.setdefault((prediction.agent_id, prediction.candidate_id), prediction)
        return tuple(found.values())

    def verifications(self, job_id: str) -> tuple[StoredVerification, ...]:
        """Return what timed calls answered in the attempts that count, by agent, candidate and round."""
        return tuple(
            StoredVerification(
                agent_id=row["agent_id"],
                round_index=row["round_index"],
                verified=from_json(row["verified_json"], CallsVerified),
            )
            for row in self._database.execute(sql.COUNTED_VERIFICATIONS, {"job_id": job_id})
        )

    def remarks(self, job_id: str) -> tuple[StoredRemarks, ...]:
        """Return the remarks on candidates in the attempts that count, by agent, round and candidate."""
        return tuple(
            StoredRemarks(
                agent_id=row["agent_id"],
                candidate_id=row["candidate_id"],
                round_index=row["round_index"],
                remarks=from_json(row["remarks_json"], tuple[CallRemark, ...]),
                thread_count=row["thread_count"],
            )
            for row in self._database.execute(sql.COUNTED_ENDS, {"job_id": job_id})
        )

    def put_evaluations(self, job_id: str, evaluations: Sequence[Evaluation]) -> None:
        """Keep what the prediction tests said."""
        with self._database.transaction():
            self._database.table("evaluation").upsert_all(
                (
                    {
                        "job_id": job_id,
                        "agent_id": evaluation.agent_id,
                        "candidate_id": evaluation.candidate_id,
                        "gate_reason": evaluation.gate_reason,
                        "results_json": to_json(evaluation.results),
                        "row_count": evaluation.row_count,
                        "differing_count": evaluation.differing_count,
                        "disagreements_json": to_json(evaluation.disagreements),
                    }
                    for evaluation in evaluations
                ),
                pk=("job_id", "agent_id", "candidate_id"),
            )

    def evaluations(self, job_id: str) -> tuple[Evaluation, ...]:
        """Return what the prediction tests said."""
        return tuple(
            Evaluation(
                candidate_id=row["candidate_id"],
                agent_id=row["agent_id"],
                results=from_json(row["results_json"], tuple[Result, ...]),
                gate_reason=row["gate_reason"],
                row_count=row["row_count"],
                differing_count=row["differing_count"],
                disagreements=from_json(row["disagreements_json"], tuple[Disagreement, ...]),
            )
            for row in self._database.execute(sql.EVALUATIONS, {"job_id": job_id})
        )

    def conclude(self, job_id: str, results: Sequence[Result], standings: Standings) -> None:
        """Keep results and the final table; an earlier conclusion is replaced."""
        with self._database.transaction():
            self._database.table("result").delete_where("job_id = ?", [job_id])
            self._database.execute_many(
                sql.ADD_RESULT, [(job_id, position, to_json(result)) for position, result in enumerate(results)]
            )
            self._database.table("job").update(job_id, {"standings_json": to_json(standings)})

    def conclusion(self, job_id: str) -> tuple[tuple[Result, ...], Standings]:
        """Return results and the final table; both empty if there is no conclusion yet."""
        rows = self._database.execute(sql.RESULTS, {"job_id": job_id})
        text = self._database.table("job").get(job_id)["standings_json"]
        standings = from_json(text, Standings) if text else Standings()
        return tuple(from_json(row["result_json"], Result) for row in rows), standings
