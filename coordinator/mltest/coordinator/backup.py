"""All that a coordinator remembers, as one file, and back: its store, its files, its key and whom it trusts.

A back-up is a tar archive. It is taken while the coordinator runs: SQLite copies its own file consistently (the
online backup API, sqlite3_backup_init), and every other file is replaced as a whole or never changed.
"""

import errno
import hashlib
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mltest.shared.errors import BackupInvalidError, DiskFullError, MltestError, RequestInvalidError
from mltest.shared.state import locked_state

STORE_NAME = "store.sqlite"
BLOBS_NAME = "blobs"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEFT_OUT = {"lock", "coordinator.sock", "coordinator.address", "work", "local-peers", STORE_NAME}
"""What belongs to a process or a machine, and the store, which is copied in its own way."""
_MEMBER = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}/){0,4}[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSummary:
    """What a back-up holds."""

    job_count: int
    file_count: int
    """Besides the store: models, data, artifacts, predictions, keys."""
    size_bytes: int
    """Of all of it."""


def write_backup(state: Path, target: Path) -> BackupSummary:
    """Write everything below `state` to `target`, which only its owner may read: it holds the coordinator's key.

    Raises:
        RequestInvalidError: there is no coordinator in `state`, or `target` exists or cannot be written.
        DiskFullError: there is no room for it.

    """
    if not (state / STORE_NAME).is_file():
        raise RequestInvalidError(detail=f"there is no coordinator in {state}", next_step="name it with --state-dir")
    if target.exists():
        raise RequestInvalidError(detail=f"{target} exists", next_step="choose another name, or remove it")
    draft = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".mltest-") as folder:
            store = Path(folder) / STORE_NAME
            job_count = _copy_store(state / STORE_NAME, store)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                file_count = _write_archive(stream, store, state)
                os.fsync(stream.fileno())
        size_bytes = draft.stat().st_size
        draft.rename(target)
    except OSError as error:
        raise _unwritable(error, target.parent, _size_bytes(state)) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return BackupSummary(job_count=job_count, file_count=file_count, size_bytes=size_bytes)


def restore_backup(source: Path, state: Path) -> BackupSummary:
    """Bring back what `write_backup` wrote, into a state directory that has no store yet.

    Everything is checked before anything is put in place: the store by SQLite, every blob by its SHA-256.

    Raises:
        RequestInvalidError: `state` holds a coordinator already, or there is no `source`.
        BackupInvalidError: `source` is no back-up, or it is damaged; nothing was changed.
        StoreBusyError: a coordinator runs in `state`.

    """
    if not source.is_file():
        raise RequestInvalidError(detail=f"there is no file {source}", next_step="check the path")
    with locked_state(state):
        if (state / STORE_NAME).exists():
            detail = f"{state} holds a coordinator already, and a back-up is never mixed with another"
            raise RequestInvalidError(
                detail=detail, next_step="name an empty directory with --state-dir, or move it away"
            )
        with tempfile.TemporaryDirectory(dir=state, prefix=".restore-") as name:
            folder = Path(name)
            file_count = _extract(source, folder)
            job_count = _checked_store(folder / STORE_NAME, source)
            size_bytes = _size_bytes(folder)
            _put_in_place(folder, state)
        _give_to_owner(state)
    return BackupSummary(job_count=job_count, file_count=file_count, size_bytes=size_bytes)


def _copy_store(source: Path, target: Path) -> int:
    """Copy the database as of one moment, also while it is written to; return its number of jobs."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        return _job_count(copy)


def _write_archive(stream: BinaryIO, store: Path, state: Path) -> int:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(store, STORE_NAME)
        count = 0
        for path in _kept_files(state):
            # A blob may make room for another meanwhile; the jobs that used it stay.
            with suppress(FileNotFoundError):
                archive.add(path, str(path.relative_to(state)), recursive=False)
                count += 1
    return count


def _kept_files(state: Path) -> Iterator[Path]:
    for path in sorted(state.rglob("*")):
        parts = path.relative_to(state).parts
        is_partial = parts[:2] == (BLOBS_NAME, "parts")
        is_left_out = parts[0] in _LEFT_OUT or parts[0].startswith((STORE_NAME, "."))
        if path.is_file() and not path.is_symlink() and not is_partial and not is_left_out:
            yield path


def _extract(source: Path, folder: Path) -> int:
    count = 0
    try:
        with tarfile.open(source, mode="r:") as archive:
            for member in archive:
                _extract_member(archive, member, folder, source)
                count += member.name != STORE_NAME
    except tarfile.TarError as error:
        raise BackupInvalidError(path=source, detail=f"it is no archive, or it ends too early ({error})") from error
    return count


def _extract_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, source: Path) -> None:
    content = archive.extractfile(member) if member.isfile() else None
    if content is None or not _MEMBER.fullmatch(member.name):
        raise BackupInvalidError(path=source, detail=f"{member.name!r} is nothing that a back-up holds")
    target = folder / member.name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with content, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        os.fsync(copy.fileno())
    is_blob = target.parent == folder / BLOBS_NAME and _SHA256.fullmatch(target.name)
    if is_blob and digest.hexdigest() != target.name:
        raise BackupInvalidError(path=source, detail=f"the bytes of {member.name} are not those that were saved")


def _checked_store(store: Path, source: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
            job_count = _job_count(connection)
    except sqlite3.Error as error:
        raise BackupInvalidError(path=source, detail=f"its store cannot be read ({error})") from error
    if verdict != "ok":
        raise BackupInvalidError(path=source, detail=f"its store is damaged ({verdict})")
    return job_count


def _put_in_place(folder: Path, state: Path) -> None:
    """Move everything into `state`, the store last: before it is there, nothing was restored."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == STORE_NAME):
        if (target := state / entry.name).is_dir():
            shutil.rmtree(target)
        entry.rename(target)
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_to_owner(state: Path) -> None:
    """Give everything to the owner of `state`, if root restored it for a service."""
    owner = state.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in state.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _unwritable(error: OSError, folder: Path, needed_bytes: int) -> MltestError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(needed_bytes=needed_bytes, folder=folder)
    detail = f"{error.filename or folder}: {error.strerror or error}"
    return RequestInvalidError(detail=detail, next_step="check the path, and who may write there")


def _job_count(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM job").fetchone()
    return int(count)


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
