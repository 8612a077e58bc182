"""The connection: pragmas, migrations, transactions, and what SQLite's errors mean here."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mltest.coordinator.store import slim_sqlite_utils
from mltest.coordinator.store.migrations import MIGRATIONS
from mltest.coordinator.store.sql import PRAGMAS
from mltest.shared.errors import DiskFullError

Row = sqlite3.Row
Parameters = Sequence[Any] | Mapping[str, Any]

_DISK_FULL_CODES = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE))


class Database:
    """One SQLite file; used by one thread at a time, shared with other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            for pragma in PRAGMAS:
                self._connection.execute(pragma)
        self._small = slim_sqlite_utils.Database(self._connection)
        with self.transaction():
            MIGRATIONS.apply(self._small)

    def table(self, name: str) -> slim_sqlite_utils.Table:
        """Return a table of few rows; it is written inside a transaction of the caller."""
        return self._small.table(name)

    def close(self) -> None:
        """Close the file; doing it again changes nothing."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all or nothing; when this returns, the rows survive a power cut.

        Raises:
            DiskFullError: there is no room; nothing was changed, and later transactions work once there is.

        """
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Run one statement and return its rows."""
        with self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    def execute_many(self, sql: str, parameters: Sequence[Parameters]) -> None:
        """Run one statement for each element of `parameters`, inside a transaction of the caller."""
        self._connection.executemany(sql, parameters)

    def is_intact(self) -> bool:
        """Return what SQLite's integrity check says."""
        return [tuple(row) for row in self.execute("PRAGMA integrity_check")] == [("ok",)]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in _DISK_FULL_CODES:
                raise DiskFullError(
                    f"there is no room left for {self._path}; nothing was lost", folder=str(self._path.parent)
                ) from error
            raise
