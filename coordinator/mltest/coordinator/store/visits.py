"""Visits, their attempts, and everything that arrives while one runs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mltest.coordinator.api import StoredEnergy, StoredSeries
from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database, Row
from mltest.coordinator.store.energy import energy_of_row, energy_row
from mltest.coordinator.store.jobs import append_event
from mltest.coordinator.store.sealing import opened, sealed_rows
from mltest.coordinator.store.series import SeriesRow, series_of_row, series_row
from mltest.shared.domain import (
    FIRST_ENERGY_ROUND,
    CallsVerified,
    CandidateEnded,
    EnergyAbsent,
    EnergyRecorded,
    JobEventBody,
    MachineState,
    Outcome,
    PredictionsStored,
    SampleBatch,
    SampleSeries,
    VisitEnded,
    VisitEvent,
    VisitEventBody,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.jsonable import from_json, to_json

_UNSEALED_PER_PAGE = 500
_SEALED_PER_PAGE = 20
"""Each has all slices of one candidate, metric and batch size."""

_ENERGY_PER_PAGE = 20
EnergyPosition = tuple[int, int]
"""Attempt and event."""

Position = tuple[int, int, int]
"""Behind a stored series: attempt, then event and index in the event, or the key of a sealed row and 0."""


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
class StoredMachineState:
    """What an agent's machine was like in one visit."""

    agent_id: str
    round_index: int
    state: MachineState


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnergyAbsent:
    """Why energy could not be measured on an agent."""

    agent_id: str
    absent: EnergyAbsent


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

    def add(self, job_id: str, visits: Sequence[tuple[str, VisitSpec]]) -> None:
        """Store further visits of a job; one that did not end well is open again."""
        with self._database.transaction():
            self._database.execute_many(sql.PLAN_VISIT, [_visit_row(agent_id, spec) for agent_id, spec in visits])

    def spent(self, job_id: str, agent_id: str) -> tuple[float, int]:
        """Return how many seconds the attempts of a job took on an agent, and how many of them ended well."""
        ((spent_ns, done),) = self._database.execute(sql.SPENT, {"job_id": job_id, "agent_id": agent_id})
        return spent_ns / 1e9, done

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

        When this returns, the events survive a power cut. What arrives for an attempt that has ended is dropped. The
        last event is not counted as received: `end_attempt` keeps it.
        """
        with self._database.transaction():
            ((is_open,),) = self._database.execute(sql.IS_OPEN, (attempt_key,))
            events = events if is_open else ()
            self._database.execute_many(sql.ADD_SERIES, _series_rows(attempt_key, events))
            for event in events:
                self._receive_rare(attempt_key, event.seq, event.event)
            if seqs := [event.seq for event in events if not isinstance(event.event, VisitEnded)]:
                self._database.execute(sql.RECEIVED, (max(seqs), attempt_key))
            for body in news:
                append_event(self._database, job_id, body)

    def end_attempt(
        self,
        attempt: StoredAttempt,
        ended: VisitEnded,
        *,
        ends_visit: bool,
        job_id: str,
        news: JobEventBody,
        spent_ns: int = 0,
    ) -> None:
        """Close an attempt and seal its series, and with it perhaps its visit; it counts only if it ended well.

        Args:
            attempt: the attempt.
            ended: its last event, or what is to stand for it.
            ends_visit: whether there is no further attempt.
            job_id: the job.
            news: what watchers are told.
            spent_ns: how long it took, by a clock that does not jump.

        """
        times = {"ended_unix_ns": time.time_ns(), "spent_ns": spent_ns}
        parameters = {"attempt_key": attempt.attempt_key, "ended_json": to_json(ended), **times}
        with self._database.transaction():
            self._seal(attempt.attempt_key)
            self._database.execute(sql.END_ATTEMPT, parameters | _outcome(ended))
            if ends_visit:
                self._database.execute(sql.END_VISIT, {"visit_id": attempt.visit_id, **_outcome(ended)})
            append_event(self._database, job_id, news)

    def end_open_attempts(self, job_id: str, *, reason_code: str, reason: str) -> None:
        """Close, as failed, the attempts of a job that a process followed which died."""
        parameters = {"job_id": job_id, "reason_code": reason_code, "reason": reason, "ended_unix_ns": time.time_ns()}
        with self._database.transaction():
            for (attempt_key,) in self._database.execute(sql.OPEN_ATTEMPTS, {"job_id": job_id}):
                self._seal(attempt_key)
            self._database.execute(sql.END_OPEN_ATTEMPTS, parameters)

    def attempts(self, job_id: str) -> tuple[StoredAttempt, ...]:
        """Return the attempts of a job by agent, round and number."""
        return tuple(_attempt(row) for row in self._database.execute(sql.ATTEMPTS, {"job_id": job_id}))

    def received(self, attempt: StoredAttempt) -> Iterator[VisitEventBody]:
        """Yield what is stored of an attempt that is open, in the kinds of events in which it came."""
        key = attempt.attempt_key
        for row in self._database.execute(sql.UNSEALED, (key,)):
            yield SampleBatch(series=(series_of_row(row),))
        for row in self._database.execute(sql.PREDICTIONS_OF, (key,)):
            yield PredictionsStored(
                candidate_id=row["candidate_id"], sha256=row["sha256"], size_bytes=row["size_bytes"]
            )
        for row in self._database.execute(sql.ENDS_OF, (key,)):
            yield CandidateEnded(
                candidate_id=row["candidate_id"],
                outcome=Outcome(row["outcome"]),
                reason_code=row["reason_code"],
                reason=row["reason"],
            )

    def machine_states(self, job_id: str) -> tuple[StoredMachineState, ...]:
        """Return what machines were like in the attempts that count and timed anything, in their order."""
        found = []
        for row in self._database.execute(sql.COUNTED_ATTEMPTS, {"job_id": job_id, "attempt_key": 0}):
            ended = from_json(row["ended_json"], VisitEnded)
            if ended.machine is not None:
                where = {"agent_id": row["agent_id"], "round_index": row["round_index"]}
                found.append(StoredMachineState(**where, state=ended.machine))
        return tuple(found)

    def series_page(self, job_id: str, after: Position) -> list[tuple[Position, StoredSeries]]:
        """Return the next series that count, at most some hundred; attempt by attempt, in the order of their storage.

        Of an attempt whose series are sealed, all slices of one candidate, metric and batch size come together.

        Args:
            job_id: the job.
            after: position of the last series of the page before; zeros for the first page.

        """
        attempt_key, first, second = after
        for row in self._database.execute(sql.COUNTED_ATTEMPTS, {"job_id": job_id, "attempt_key": attempt_key}):
            behind = (first, second) if row["attempt_key"] == attempt_key else (0, 0)
            page = self._unsealed_page(row["attempt_key"], *behind) or self._sealed_page(row["attempt_key"], behind[0])
            if page:
                where = {"agent_id": row["agent_id"], "round_index": row["round_index"]}
                return [(position, StoredSeries(**where, series=series)) for position, series in page]
        return []

    def series(self, job_id: str) -> Iterator[StoredSeries]:
        """Yield the series that count, in the order in which they were stored."""
        position: Position = (0, 0, 0)
        while page := self.series_page(job_id, position):
            yield from (series for _, series in page)
            position = page[-1][0]

    def energy_page(self, job_id: str, after: EnergyPosition) -> list[tuple[EnergyPosition, StoredEnergy]]:
        """Return the next raw readings of meters that count, some at a time, in the order of their storage.

        Args:
            job_id: the job.
            after: attempt and event of the last one of the page before; zeros for the first page.

        """
        parameters = {"job_id": job_id, "attempt_key": after[0], "seq": after[1], "limit": _ENERGY_PER_PAGE}
        return [
            ((row["attempt_key"], row["seq"]), _stored_energy(row, energy_of_row(row)))
            for row in self._database.execute(sql.COUNTED_ENERGY, parameters)
        ]

    def energy(self, job_id: str) -> Iterator[StoredEnergy]:
        """Yield the raw readings of meters that count, in the order in which they were stored."""
        position: EnergyPosition = (0, 0)
        while page := self.energy_page(job_id, position):
            yield from (found for _, found in page)
            position = page[-1][0]

    def energy_heads(self, job_id: str) -> tuple[StoredEnergy, ...]:
        """Return the same without any reading."""
        rows = self._database.execute(sql.COUNTED_ENERGY_HEADS, {"job_id": job_id})
        return tuple(_stored_energy(row, from_json(row["recorded_json"], EnergyRecorded)) for row in rows)

    def energy_visit_counts(self, job_id: str) -> dict[str, int]:
        """Return how many rounds of energy are planned, by agent; an agent that has none is not in it."""
        parameters = {"job_id": job_id, "first_round": FIRST_ENERGY_ROUND}
        rows = self._database.execute(sql.ENERGY_VISIT_COUNTS, parameters)
        return {row["agent_id"]: row["visit_count"] for row in rows}

    def energy_absent(self, job_id: str) -> tuple[StoredEnergyAbsent, ...]:
        """Return why energy could not be measured, in the order in which it was stored."""
        rows = self._database.execute(sql.COUNTED_ENERGY_ABSENT, {"job_id": job_id})
        return tuple(
            StoredEnergyAbsent(agent_id=row["agent_id"], absent=from_json(row["absent_json"], EnergyAbsent))
            for row in rows
        )

    def _unsealed_page(self, attempt_key: int, seq: int, series_index: int) -> list[tuple[Position, SampleSeries]]:
        parameters = (attempt_key, seq, series_index, _UNSEALED_PER_PAGE)
        rows = self._database.execute(sql.UNSEALED_PAGE, parameters)
        return [((attempt_key, row["seq"], row["series_index"]), series_of_row(row)) for row in rows]

    def _sealed_page(self, attempt_key: int, sealed_key: int) -> list[tuple[Position, SampleSeries]]:
        rows = self._database.execute(sql.SEALED_PAGE, (attempt_key, sealed_key, _SEALED_PER_PAGE))
        return [((attempt_key, row["sealed_key"], 0), series) for row in rows for series in opened(row)]

    def _seal(self, attempt_key: int) -> None:
        """Replace the series of an attempt by sealed ones, inside a transaction of the caller."""
        rows = self._database.execute(sql.UNSEALED, (attempt_key,))
        self._database.execute_many(sql.ADD_SEALED, sealed_rows(attempt_key, rows))
        self._database.execute(sql.FORGET_UNSEALED, (attempt_key,))

    def _receive_rare(self, attempt_key: int, seq: int, body: object) -> None:
        if isinstance(body, VisitStarted):
            self._database.execute(sql.STARTED, (to_json(body), attempt_key))
        elif isinstance(body, CandidateEnded):
            self._database.execute(sql.ADD_CANDIDATE_END, _end_row(attempt_key, body))
        elif isinstance(body, CallsVerified):
            self._database.execute(sql.ADD_VERIFICATION, (attempt_key, body.candidate_id, to_json(body)))
        elif isinstance(body, EnergyRecorded):
            self._database.execute(sql.ADD_ENERGY, energy_row(attempt_key, seq, body))
        elif isinstance(body, EnergyAbsent):
            self._database.execute(sql.ADD_ENERGY_ABSENT, (attempt_key, seq, to_json(body)))
        elif isinstance(body, PredictionsStored):
            prediction = (attempt_key, body.candidate_id, body.sha256, body.size_bytes)
            self._database.execute(sql.ADD_PREDICTION, prediction)


def _stored_energy(row: Row, recorded: EnergyRecorded) -> StoredEnergy:
    return StoredEnergy(agent_id=row["agent_id"], round_index=row["round_index"], recorded=recorded)


def _series_rows(attempt_key: int, events: Sequence[VisitEvent]) -> list[SeriesRow]:
    return [
        series_row(attempt_key, event.seq, series_index, series)
        for event in events
        if isinstance(event.event, SampleBatch)
        for series_index, series in enumerate(event.event.series)
    ]


def _end_row(attempt_key: int, body: CandidateEnded) -> tuple[object, ...]:
    """Return the row in the order of the table's columns."""
    return (
        *(attempt_key, body.candidate_id, body.outcome.value, body.reason_code, body.reason),
        *(to_json(body.remarks), body.thread_count),
    )


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
