"""The store: its tables, and settings of this installation."""

import uuid
from pathlib import Path

from mltest.coordinator.store import sql
from mltest.coordinator.store.agents import AgentTable
from mltest.coordinator.store.artifacts import ArtifactCache
from mltest.coordinator.store.database import Database
from mltest.coordinator.store.jobs import JobTable
from mltest.coordinator.store.outcomes import OutcomeTable
from mltest.coordinator.store.speed import SpeedTable
from mltest.coordinator.store.visits import VisitTable

STORE_FILE_NAME = "store.sqlite"


class Store:
    """Everything that a coordinator remembers, in one SQLite file below `folder`.

    Every method is synchronous, commits before it returns, and raises `DiskFullError` where there is no room. Several
    processes may use one file; that only one of them runs jobs is the concern of `mltest.coordinator.home`.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / STORE_FILE_NAME)
        self.jobs = JobTable(self._database)
        self.visits = VisitTable(self._database)
        self.outcomes = OutcomeTable(self._database)
        self.agents = AgentTable(self._database)
        self.artifacts = ArtifactCache(self._database)
        self.speed = SpeedTable(self._database)

    def coordinator_id(self) -> str:
        """Return the identity of this installation, made at its first use."""
        with self._database.transaction():
            self._database.execute(sql.ADD_SETTING, {"name": "coordinator_id", "value": uuid.uuid4().hex})
            ((coordinator_id,),) = self._database.execute(sql.SETTING, {"name": "coordinator_id"})
        return str(coordinator_id)

    def is_intact(self) -> bool:
        """Return whether SQLite finds its file in order."""
        return self._database.is_intact()

    def close(self) -> None:
        """Close the file; doing it again changes nothing."""
        self._database.close()
