"""Visits, their attempts, and everything that arrives while one runs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mltest.coordinator.api import StoredSeries
from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database, Row
from mltest.coordinator.store.jobs import append_event
from mltest.coordinator.store.series import SeriesRow, series_row, stored_series
from mltest.shared.domain import (
    CandidateEnded,
    JobEventBody,
    Outcome,
    PredictionsStored,
    SampleBatch,
    VisitEnded,
    VisitEvent,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.jsonable import from_json, to_json

_SERIES_PER_PAGE = 500

Position = tuple[int, int, int]
"""Of a stored series: attempt, event, index in the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVisit:
    """A visit as planned, and how it ended."""

    agent_id: str
    spec: VisitSpec
    """As it was planned; attempts may leave out candidates that have failed since."""
    outcome: Outcome | None
    """None while it is open."""
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """One attempt of a visit."""

    attempt_key: int
    visit_id: str
    attempt: int
    """Counts from 1."""
    last_seq: int
    """Last event that is stored."""
    outcome: Outcome | None
    """None while it is open."""
    reason: str
    started: VisitStarted | None
    ended: VisitEnded | None


class VisitTable:
    """Visits of all jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, job_id: str, visits: Sequence[tuple[str, VisitSpec]]) -> None:
        """Store the visits of a job as pairs of agent and specification.

        Of an earlier plan, visits that ended well stay; the others are open again if they are planned again, and
        closed or forgotten if they are not.
        """
        with self._database.transaction():
            self._database.execute(sql.FORGET_VISITS, (job_id,))
            self._database.execute(sql.CLOSE_VISITS, (job_id,))
            self._database.execute_many(sql.PLAN_VISIT, [_visit_row(agent_id, spec) for agent_id, spec in visits])

    def of_job(self, job_id: str) -> tuple[StoredVisit, ...]:
        """Return the visits of a job by agent and round."""
        return tuple(_visit(row) for row in self._database.execute(sql.VISITS, {"job_id": job_id}))

    def skip(self, visit_id: str, ended: VisitEnded, *, job_id: str, news: JobEventBody) -> None:
        """Close a visit without another attempt."""
        with self._database.transaction():
            self._database.execute(sql.END_VISIT, {"visit_id": visit_id, **_outcome(ended)})
            append_event(self._database, job_id, news)

    def begin_attempt(self, visit_id: str) -> StoredAttempt:
        """Open the next attempt of a visit."""
        with self._database.transaction():
            parameters = {"visit_id": visit_id, "begun_unix_ns": time.time_ns()}
            ((attempt_key, attempt),) = self._database.execute(sql.BEGIN_ATTEMPT, parameters)
        return StoredAttempt(
            attempt_key=attempt_key,
            visit_id=visit_id,
            attempt=attempt,
            last_seq=0,
            outcome=None,
            reason="",
            started=None,
            ended=None,
        )

    def receive(
        self, attempt_key: int, events: Sequence[VisitEvent], *, job_id: str, news: Sequence[JobEventBody] = ()
    ) -> None:
        """Store events of an attempt, and the progress that they mean; receiving one again changes nothing.

        When this returns, the events survive a power cut.
        """
        with self._database.transaction():
            self._database.execute_many(sql.ADD_SERIES, _series_rows(attempt_key, events))
            for event in events:
                self._receive_rare(attempt_key, event.event)
            if events:
                self._database.execute(sql.RECEIVED, (max(event.seq for event in events), attempt_key))
            for body in news:
                append_event(self._database, job_id, body)

    def end_attempt(
        self, attempt: StoredAttempt, ended: VisitEnded, *, ends_visit: bool, job_id: str, news: JobEventBody
    ) -> None:
        """Close an attempt, and with it perhaps its visit; only if it ended well does what it sent count."""
        parameters = {"attempt_key": attempt.attempt_key, "ended_unix_ns": time.time_ns(), "ended_json": to_json(ended)}
        with self._database.transaction():
            self._database.execute(sql.END_ATTEMPT, parameters | _outcome(ended))
            if ends_visit:
                self._database.execute(sql.END_VISIT, {"visit_id": attempt.visit_id, **_outcome(ended)})
            append_event(self._database, job_id, news)

    def end_open_attempts(self, job_id: str, *, reason_code: str, reason: str) -> None:
        """Close, as failed, the attempts of a job that a process followed which died."""
        parameters = {"job_id": job_id, "reason_code": reason_code, "reason": reason, "ended_unix_ns": time.time_ns()}
        with self._database.transaction():
            self._database.execute(sql.END_OPEN_ATTEMPTS, parameters)

    def attempts(self, job_id: str) -> tuple[StoredAttempt, ...]:
        """Return the attempts of a job by agent, round and number."""
        return tuple(_attempt(row) for row in self._database.execute(sql.ATTEMPTS, {"job_id": job_id}))

    def series_page(self, job_id: str, after: Position) -> list[tuple[Position, StoredSeries]]:
        """Return the next series that count, at most some hundred, in the order in which they were stored.

        Args:
            job_id: the job.
            after: position of the last series of the page before; zeros for the first page.

        """
        attempt_key, seq, series_index = after
        parameters = {"attempt_key": attempt_key, "seq": seq, "series_index": series_index}
        rows = self._database.execute(sql.COUNTED_SERIES, parameters | {"job_id": job_id, "limit": _SERIES_PER_PAGE})
        return [((row["attempt_key"], row["seq"], row["series_index"]), stored_series(row)) for row in rows]

    def series(self, job_id: str) -> Iterator[StoredSeries]:
        """Yield the series that count, in the order in which they were stored."""
        position: Position = (0, 0, 0)
        while page := self.series_page(job_id, position):
            yield from (series for _, series in page)
            position = page[-1][0]

    def _receive_rare(self, attempt_key: int, body: object) -> None:
        if isinstance(body, VisitStarted):
            self._database.execute(sql.STARTED, (to_json(body), attempt_key))
        elif isinstance(body, CandidateEnded):
            row = (attempt_key, body.candidate_id, body.outcome.value, body.reason_code, body.reason)
            self._database.execute(sql.ADD_CANDIDATE_END, row)
        elif isinstance(body, PredictionsStored):
            prediction = (attempt_key, body.candidate_id, body.sha256, body.size_bytes)
            self._database.execute(sql.ADD_PREDICTION, prediction)


def _series_rows(attempt_key: int, events: Sequence[VisitEvent]) -> list[SeriesRow]:
    return [
        series_row(attempt_key, event.seq, series_index, series)
        for event in events
        if isinstance(event.event, SampleBatch)
        for series_index, series in enumerate(event.event.series)
    ]


def _visit_row(agent_id: str, spec: VisitSpec) -> dict[str, object]:
    return {
        "visit_id": spec.visit_id,
        "job_id": spec.job_id,
        "agent_id": agent_id,
        "round_index": spec.round_index,
        "spec_json": to_json(spec),
    }


def _outcome(ended: VisitEnded) -> dict[str, object]:
    return {"outcome": ended.outcome.value, "reason_code": ended.reason_code, "reason": ended.reason}


def _visit(row: Row) -> StoredVisit:
    return StoredVisit(
        agent_id=row["agent_id"],
        spec=from_json(row["spec_json"], VisitSpec),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        reason_code=row["reason_code"],
        reason=row["reason"],
    )


def _attempt(row: Row) -> StoredAttempt:
    return StoredAttempt(
        attempt_key=row["attempt_key"],
        visit_id=row["visit_id"],
        attempt=row["attempt"],
        last_seq=row["last_seq"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        reason=row["reason"],
        started=from_json(row["started_json"], VisitStarted) if row["started_json"] else None,
        ended=from_json(row["ended_json"], VisitEnded) if row["ended_json"] else None,
    )
