"""The journal of one attempt on the disk: segments of records, appended between slices, dropped when acknowledged."""

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from mltest.agent.outbox.header import Header, header_to_bytes
from mltest.agent.outbox.records import Kind, encoded
from mltest.agent.outbox.step import StepFile
from mltest.shared.errors import DiskFullError

SEGMENT_BYTES = 4 * 1024 * 1024
STEP_NAME = "step"
ResultT = TypeVar("ResultT")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Journal(Protocol):
    """Where the events of one attempt are kept beside memory."""

    def append(self, seq: int, content: bytes) -> None:
        """Keep an encoded event.

        Raises:
            DiskFullError: there is no room; from now on nothing more is kept, and nothing more is raised.
            OSError: likewise, of another kind.

        """

    def step(self, candidate_id: str, *, is_measuring: bool) -> None:
        """Note which candidate is next."""

    def acknowledge(self, seq: int) -> None:
        """Forget the events up to `seq` at the next `settle`."""

    def settle(self) -> None:
        """Return when everything is on the disk; from any thread."""

    def close(self) -> None:
        """Put the rest on the disk and release everything; doing it again changes nothing."""


class MemoryJournal:
    """Keeps nothing; the agent's memory has the events."""

    def append(self, seq: int, content: bytes) -> None:
        """Do nothing."""

    def step(self, candidate_id: str, *, is_measuring: bool) -> None:
        """Do nothing."""

    def acknowledge(self, seq: int) -> None:
        """Do nothing."""

    def settle(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class DiskJournal:
    """Files below `folder`, which exists: each begins with a header, and has consecutive events."""

    def __init__(self, folder: Path, header: Header, on_bytes: Callable[[int], None]) -> None:
        self._folder = folder
        self._header = header
        self._on_bytes = on_bytes
        """Called with the bytes that came or, negative, went."""
        self._lock = threading.Lock()
        self._descriptor = -1
        self._segments: list[tuple[int, Path, int]] = []
        """First event, file and size in bytes, oldest first."""
        self._acknowledged_seq = 0
        self._is_dirty = False
        self._is_broken = False
        self._was_measuring = False
        self._is_step_dirty = False
        self._step = _without_room_reported(folder, lambda: StepFile(folder / STEP_NAME))
        self._begin_segment(1)

    def append(self, seq: int, content: bytes) -> None:
        """Write one record to the page cache, where it survives this process."""
        with self._lock:
            if self._is_broken:
                return
            if self._segments[-1][2] >= SEGMENT_BYTES:
                self._begin_segment(seq)
            self._write(encoded(Kind.EVENT, content))

    def step(self, candidate_id: str, *, is_measuring: bool) -> None:
        """Overwrite the step; while slices alternate, only the first one has to be on the disk."""
        self._is_step_dirty |= not (is_measuring and self._was_measuring)
        self._was_measuring = is_measuring
        self._step.write(candidate_id, is_measuring=is_measuring)

    def acknowledge(self, seq: int) -> None:
        """Remember that; files go when nothing is being timed."""
        self._acknowledged_seq = max(seq, self._acknowledged_seq)

    def settle(self) -> None:
        """Leave the kernel nothing to write later, when a slice is timed."""
        with self._lock:
            if self._descriptor >= 0:
                if self._is_step_dirty:
                    self._step.sync()
                    self._is_step_dirty = False
                if self._is_dirty:
                    os.fdatasync(self._descriptor)
                    self._is_dirty = False
            self._drop_acknowledged()

    def close(self) -> None:
        """Sync and close."""
        with suppress(OSError):
            self.settle()
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._step.close()
                self._descriptor = -1

    def _begin_segment(self, first_seq: int) -> None:
        if self._descriptor >= 0:
            os.fdatasync(self._descriptor)
            os.close(self._descriptor)
        path = self._folder / f"{first_seq:012}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = _without_room_reported(self._folder, lambda: os.open(path, flags, 0o600))
        self._segments.append((first_seq, path, 0))
        self._write(encoded(Kind.HEADER, header_to_bytes(replace(self._header, first_seq=first_seq))))
        sync_folder(self._folder)

    def _write(self, record: bytes) -> None:
        first_seq, path, size_bytes = self._segments[-1]
        try:
            _without_room_reported(self._folder, lambda: _write_all(self._descriptor, record))
        except (DiskFullError, OSError):
            self._is_broken = True
            with suppress(OSError):
                os.ftruncate(self._descriptor, size_bytes)
            raise
        self._segments[-1] = (first_seq, path, size_bytes + len(record))
        self._is_dirty = True
        self._on_bytes(len(record))

    def _drop_acknowledged(self) -> None:
        """Remove the files before the one that holds the first event that is not acknowledged."""
        while len(self._segments) > 1 and self._segments[1][0] <= self._acknowledged_seq + 1:
            _, path, size_bytes = self._segments.pop(0)
            path.unlink(missing_ok=True)
            self._on_bytes(-size_bytes)


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _without_room_reported(folder: Path, action: Callable[[], ResultT]) -> ResultT:
    try:
        return action()
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(
                f"there is no room left below {folder.parent} to keep what a visit measures",
                folder=str(folder.parent),
            ) from error
        raise
