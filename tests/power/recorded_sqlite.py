"""The real statements of a store on a SQLite whose file operations are recorded.

Python's `sqlite3` takes no file system of one's own, apsw does; so a connection of apsw stands in for one of `sqlite3`,
with as much of its interface as the product uses.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import apsw
import pytest

from tests.power.disk import Delete, Operation, Sync, SyncFolder, Truncate, Write

_VFS_NAME = "recorded"
_JOURNALS = ("-wal", "-journal")
"""SQLite syncs the folder when it syncs one of these for the first time (os_unix.c, UNIXFILE_DIRSYNC)."""

_CHECKPOINT_PAGES = 30
"""Instead of 1000: a small job meets many checkpoints so."""


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Operation]]:
    """Let `sqlite3.connect` open recorded files, and yield what was done to them, by file name."""
    operations: list[Operation] = []
    file_system = _FileSystem(operations)
    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.connect", lambda path, **_: Connection(path))
        yield operations
    file_system.unregister()


class _FileSystem(apsw.VFS):
    def __init__(self, operations: list[Operation]) -> None:
        super().__init__(_VFS_NAME, "")
        self._operations = operations

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802  # apsw's name
        return _File(name, flags, self._operations)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._operations.append(Delete(Path(filename).name))
        if syncdir:
            self._operations.append(SyncFolder())


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], operations: list[Operation]) -> None:
        super().__init__("", name, flags)
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        self._operations = operations
        self._needs_folder = self._name.endswith(_JOURNALS)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._operations.append(Write(self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._operations.append(Truncate(self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._operations.append(Sync(self._name))
        if self._needs_folder:
            self._operations.append(SyncFolder())
            self._needs_folder = False


class Row(tuple[Any, ...]):
    """A row that knows its columns, as `sqlite3.Row` does."""

    columns: tuple[str, ...]

    def keys(self) -> list[str]:
        return list(self.columns)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.columns.index(key) if isinstance(key, str) else key)


class Cursor:
    """As much of `sqlite3.Cursor` as is used."""

    def __init__(self, connection: "Connection") -> None:
        self._cursor = connection.real.cursor()
        self._cursor.exec_trace = self._note_columns
        self._connection = connection
        self._rows: Iterator[Any] = iter(())
        self.description: Any = None

    @property
    def lastrowid(self) -> int:
        return int(self._connection.real.last_insert_rowid())

    @property
    def rowcount(self) -> int:
        return int(self._connection.real.changes())

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> "Cursor":
        # At once: an unfinished statement would be in the way of the next transaction.
        self._rows = iter(list(self._cursor.execute(sql, parameters)))
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> "Cursor":
        self._cursor.executemany(sql, parameters)
        return self

    def fetchall(self) -> list[Any]:
        return list(self)

    def fetchone(self) -> Any:
        return next(iter(self), None)

    def __iter__(self) -> Iterator[Any]:
        columns = tuple(name for name, *_ in self.description or ())
        for values in self._rows:
            row = Row(values)
            row.columns = columns
            yield row

    def _note_columns(self, cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        """Called before a statement runs: the columns of one without rows cannot be asked for later."""
        self.description = [(name, *[None] * 6) for name, _ in cursor.get_description()] or None
        return True


class Connection:
    """As much of `sqlite3.Connection` as is used."""

    def __init__(self, path: Path | str) -> None:
        self.real = apsw.Connection(str(path), vfs=_VFS_NAME)
        self.real.wal_autocheckpoint(_CHECKPOINT_PAGES)
        self.row_factory: Any = None

    @property
    def in_transaction(self) -> bool:
        return bool(self.real.in_transaction)

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Cursor:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        return self.cursor().executemany(sql, parameters)

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        self.real.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rollback() if error else self.commit()
