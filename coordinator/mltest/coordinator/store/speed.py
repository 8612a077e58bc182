"""Speed checks: how fast each machine of a job was before and after."""

from mltest.coordinator.analysis.speed import CheckedSpeed
from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database
from mltest.shared.domain import SpeedCheck
from mltest.shared.jsonable import from_json, to_json


class SpeedTable:
    """Speed checks of all jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, job_id: str, agent_id: str, check: SpeedCheck, *, is_after: bool) -> None:
        """Keep the first check before a job, and the last one after it."""
        statement = sql.PUT_SPEED_AFTER if is_after else sql.PUT_SPEED_BEFORE
        with self._database.transaction():
            parameters = {"job_id": job_id, "agent_id": agent_id, "check_json": to_json(check)}
            self._database.execute(statement, parameters)

    def of_job(self, job_id: str) -> dict[str, CheckedSpeed]:
        """Return the checks of a job by agent."""
        found: dict[str, CheckedSpeed] = {}
        for row in self._database.execute(sql.SPEED_CHECKS, {"job_id": job_id}):
            check, old = from_json(row["check_json"], SpeedCheck), found.get(row["agent_id"], CheckedSpeed())
            is_after = bool(row["is_after"])
            found[row["agent_id"]] = CheckedSpeed(
                before=old.before if is_after else check, after=check if is_after else old.after
            )
        return found
