"""Jobs, their events, and their candidates."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database, Row
from mltest.shared.domain import (
    Candidate,
    DatasetInfo,
    JobEvent,
    JobEventBody,
    JobInfo,
    JobSpec,
    JobState,
    JobStateChanged,
    ModelInfo,
)
from mltest.shared.errors import JobUnknownError
from mltest.shared.jsonable import from_json, to_json

_EVENTS_READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFiles:
    """What the inspection of a job left behind."""

    reference_sha256: str
    """Blob with the predictions of the model in its own library."""
    versions: Mapping[str, str]
    """Of the packages that took part."""


class JobTable:
    """Jobs by identity."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: str, spec: JobSpec, *, request_key: str = "") -> str:
        """Store a queued job and return its identity; that of the earlier job if `request_key` is known already."""
        with self._database.transaction():
            known = self._database.execute(sql.JOB_BY_REQUEST_KEY, {"request_key": request_key or None})
            if known:
                return str(known[0]["job_id"])
            self._database.table("job").insert(
                {
                    "job_id": job_id,
                    "request_key": request_key or None,
                    "state": JobState.QUEUED.value,
                    "created_unix_ns": time.time_ns(),
                    "spec_json": to_json(spec),
                }
            )
            append_event(self._database, job_id, JobStateChanged(state=JobState.QUEUED))
        return job_id

    def get(self, prefix: str) -> JobInfo:
        """Return the job whose identity begins with `prefix`.

        Raises:
            JobUnknownError: no job, or more than one, begins so.

        """
        rows = self._database.execute(sql.JOBS_BY_PREFIX, {"prefix": prefix}) if prefix else []
        if len(rows) == 1:
            return _job(rows[0])
        if rows:
            raise JobUnknownError(f"more than one job begins with {prefix}; write more digits of it", job_id=prefix)
        raise JobUnknownError(job_id=prefix)

    def newest(self, limit: int) -> tuple[JobInfo, ...]:
        """Return the newest jobs, newest first."""
        return tuple(_job(row) for row in self._database.execute(sql.JOBS_NEWEST, {"limit": limit}))

    def unfinished(self) -> tuple[JobInfo, ...]:
        """Return the jobs that are queued or running, oldest first."""
        return tuple(_job(row) for row in self._database.execute(sql.JOBS_UNFINISHED))

    def set_state(self, job_id: str, state: JobState, *, reason_code: str = "", reason: str = "") -> None:
        """Change the state and append the event that says so."""
        with self._database.transaction():
            self._database.execute(
                sql.SET_JOB_STATE,
                {
                    "job_id": job_id,
                    "state": state.value,
                    "reason_code": reason_code,
                    "reason": reason,
                    "ended_unix_ns": time.time_ns() if state.is_over else None,
                },
            )
            append_event(self._database, job_id, JobStateChanged(state=state, reason=reason, reason_code=reason_code))

    def set_inspection(self, job_id: str, model: ModelInfo, dataset: DatasetInfo, files: InspectedFiles) -> None:
        """Keep what the inspection found."""
        with self._database.transaction():
            self._database.table("job").update(
                job_id,
                {
                    "model_json": to_json(model),
                    "dataset_json": to_json(dataset),
                    "reference_sha256": files.reference_sha256,
                    "versions_json": to_json(files.versions),
                },
            )

    def inspected_files(self, job_id: str) -> InspectedFiles | None:
        """Return what the inspection left behind; None if there was none."""
        (row,) = self._database.execute(sql.JOBS_BY_PREFIX, {"prefix": job_id})
        if row["reference_sha256"] is None:
            return None
        versions = from_json(row["versions_json"], dict[str, str])
        return InspectedFiles(reference_sha256=row["reference_sha256"], versions=versions)

    def append_events(self, job_id: str, *bodies: JobEventBody) -> None:
        """Append events, numbered without gaps."""
        with self._database.transaction():
            for body in bodies:
                append_event(self._database, job_id, body)

    def events(self, job_id: str, from_seq: int) -> tuple[JobEvent, ...]:
        """Return the next events from `from_seq` on, at most some hundred."""
        parameters = {"job_id": job_id, "from_seq": from_seq, "limit": _EVENTS_READ_AT_ONCE}
        rows = self._database.execute(sql.EVENTS, parameters)
        return tuple(from_json(row["event_json"], JobEvent) for row in rows)

    def put_candidates(self, job_id: str, candidates: Sequence[Candidate]) -> None:
        """Store candidates in their order; one that is there already is replaced at its place."""
        with self._database.transaction():
            known = {candidate.candidate_id: place for place, candidate in enumerate(self.candidates(job_id))}
            self._database.table("candidate").upsert_all(
                (
                    {
                        "job_id": job_id,
                        "candidate_id": candidate.candidate_id,
                        "position": known.setdefault(candidate.candidate_id, len(known)),
                        "candidate_json": to_json(candidate),
                    }
                    for candidate in candidates
                ),
                pk=("job_id", "candidate_id"),
            )

    def candidates(self, job_id: str) -> tuple[Candidate, ...]:
        """Return the candidates of a job in their order."""
        rows = self._database.execute(sql.CANDIDATES, {"job_id": job_id})
        return tuple(from_json(row["candidate_json"], Candidate) for row in rows)


def append_event(database: Database, job_id: str, body: JobEventBody) -> None:
    """Append one event with the next number, inside a transaction of the caller."""
    ((last_seq,),) = database.execute(sql.LAST_EVENT, {"job_id": job_id})
    event = JobEvent(seq=last_seq + 1, unix_ns=time.time_ns(), event=body)
    database.execute(sql.ADD_EVENT, {"job_id": job_id, "seq": event.seq, "event_json": to_json(event)})


def _job(row: Row) -> JobInfo:
    return JobInfo(
        job_id=row["job_id"],
        state=JobState(row["state"]),
        reason=row["reason"],
        reason_code=row["reason_code"],
        created_unix_ns=row["created_unix_ns"],
        ended_unix_ns=row["ended_unix_ns"],
        spec=from_json(row["spec_json"], JobSpec),
        model=from_json(row["model_json"], ModelInfo) if row["model_json"] else None,
        dataset=from_json(row["dataset_json"], DatasetInfo) if row["dataset_json"] else None,
        visits_done=row["visits_done"],
        visits_total=row["visits_total"],
    )
