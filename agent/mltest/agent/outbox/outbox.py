"""All journals of an agent below one folder: bounded in size and age, found again after a restart."""

import hashlib
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mltest.agent.outbox.header import Header, header_from_bytes
from mltest.agent.outbox.journal import NO_ROOM, STEP_NAME, DiskJournal, Journal, MemoryJournal, sync_folder
from mltest.agent.outbox.records import Kind, decoded
from mltest.agent.outbox.served import ServedTime
from mltest.agent.outbox.step import Step, read_step
from mltest.shared.domain import VisitSpec
from mltest.shared.errors import DiskFullError

OUTBOX_BYTES = 64 * 1024 * 1024
"""Of all journals; the oldest that ended make room, whether they were fetched or not."""
KEPT_S = 7 * 24 * 3600.0
"""Of service; see `mltest.agent.outbox.served`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJournal:
    """What the disk has of one attempt."""

    candidate_ids: tuple[str, ...]
    first_seq: int
    """Number of the first event; those before were acknowledged."""
    events: tuple[bytes, ...]
    """Encoded, without gaps."""
    step: Step | None
    """What the agent was at last."""


class Outbox(Protocol):
    """Where attempts are journalled."""

    def begin(self, spec: VisitSpec) -> Journal:
        """Return a new journal; `DiskFullError` if there is no room."""

    def knows(self, visit_id: str, attempt: int) -> bool:
        """Return whether there is a journal of this attempt."""

    def read(self, visit_id: str, attempt: int) -> StoredJournal | None:
        """Return what is kept of an attempt; None if nothing is."""

    def drop(self, visit_id: str, attempt: int) -> None:
        """Forget an attempt that has ended; nothing happens if it is not known."""

    def tidy(self) -> None:
        """Drop what is too old or too much; only while nothing is measured."""


class MemoryOutbox:
    """Keeps nothing."""

    def begin(self, spec: VisitSpec) -> Journal:
        """Return a journal that keeps nothing."""
        return MemoryJournal()

    def knows(self, visit_id: str, attempt: int) -> bool:
        """Return False."""
        return False

    def read(self, visit_id: str, attempt: int) -> StoredJournal | None:
        """Return None."""
        return None

    def drop(self, visit_id: str, attempt: int) -> None:
        """Do nothing."""

    def tidy(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class _Entry:
    born_s: float
    size_bytes: int


class DiskOutbox:
    """Journals below `folder`, which no other process uses; each in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        capacity_bytes: int = OUTBOX_BYTES,
        kept_s: float = KEPT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._capacity_bytes = capacity_bytes
        self._kept_s = kept_s
        self._served = ServedTime(folder / "served", clock)
        self._lock = threading.Lock()
        self._entries = {path.name: _entry(path) for path in folder.iterdir() if path.is_dir()}
        self._open_name = ""
        self.tidy()

    def begin(self, spec: VisitSpec) -> Journal:
        """Make the folder of an attempt, and in it the journal."""
        name = _name(spec.visit_id, spec.attempt)
        folder = self._folder / name
        self._remove(name)
        self.tidy()
        born_s = self._served.now_s()
        header = Header(
            visit_id=spec.visit_id,
            attempt=spec.attempt,
            job_id=spec.job_id,
            candidate_ids=tuple(candidate.candidate_id for candidate in spec.candidates),
            born_s=born_s,
        )
        self._entries[name] = entry = _Entry(born_s, 0)
        self._open_name = name
        try:
            folder.mkdir(mode=0o700)
            sync_folder(self._folder)
            return DiskJournal(folder, header, lambda change_bytes: self._count(entry, change_bytes))
        except BaseException as error:
            self._open_name = ""
            self._remove(name)
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                raise DiskFullError(f"there is no room left below {self._folder}", folder=self._folder) from error
            raise

    def knows(self, visit_id: str, attempt: int) -> bool:
        """Look among the folders."""
        return _name(visit_id, attempt) in self._entries

    def read(self, visit_id: str, attempt: int) -> StoredJournal | None:
        """Read the files of an attempt up to the first record that is not whole."""
        if not self.knows(visit_id, attempt):
            return None
        return read_journal(self._folder / _name(visit_id, attempt), visit_id, attempt)

    def drop(self, visit_id: str, attempt: int) -> None:
        """Remove the folder of an attempt."""
        name = _name(visit_id, attempt)
        if name == self._open_name:
            self._open_name = ""
        self._remove(name)

    def tidy(self) -> None:
        """Remove the oldest folders, and note how long the agent has served."""
        now_s = self._served.now_s()
        for name, entry in tuple(self._entries.items()):
            if name != self._open_name and now_s - entry.born_s > self._kept_s:
                self._remove(name)
        self._make_room()
        self._served.save()

    def _count(self, entry: _Entry, change_bytes: int) -> None:
        entry.size_bytes += change_bytes
        if change_bytes > 0:
            self._make_room()

    def _make_room(self) -> None:
        with self._lock:
            excess_bytes = sum(entry.size_bytes for entry in self._entries.values()) - self._capacity_bytes
            idle = [name for name in self._entries if name != self._open_name]
            oldest = sorted(idle, key=lambda name: self._entries[name].born_s) if excess_bytes > 0 else []
        for name in oldest:
            if excess_bytes > 0:
                excess_bytes -= self._entries[name].size_bytes
                self._remove(name)

    def _remove(self, name: str) -> None:
        self._entries.pop(name, None)
        shutil.rmtree(self._folder / name, ignore_errors=True)


def read_journal(folder: Path, visit_id: str, attempt: int) -> StoredJournal | None:
    """Return what `folder` has of an attempt; None if not even that can be read whose it is."""
    header: Header | None = None
    first_seq = 0
    events: list[bytes] = []
    for path in sorted(path for path in folder.iterdir() if path.name.isdigit()):
        records = decoded(path.read_bytes())
        found = header_from_bytes(records[0].content) if records and records[0].kind == Kind.HEADER else None
        is_next = found is not None and (header is None or found.first_seq == first_seq + len(events))
        if found is None or not is_next or (found.visit_id, found.attempt) != (visit_id, attempt):
            break
        if header is None:
            header, first_seq = found, found.first_seq
        events += [record.content for record in records if record.kind == Kind.EVENT]
    if header is None:
        return None
    return StoredJournal(
        candidate_ids=header.candidate_ids,
        first_seq=first_seq,
        events=tuple(events),
        step=read_step(folder / STEP_NAME),
    )


def _entry(folder: Path) -> _Entry:
    files = sorted(path for path in folder.iterdir() if path.name.isdigit())
    with_header = decoded(files[0].read_bytes()[:65536]) if files else []
    header = header_from_bytes(with_header[0].content) if with_header else None
    return _Entry(header.born_s if header else 0.0, sum(path.stat().st_size for path in files))


def _name(visit_id: str, attempt: int) -> str:
    return f"{hashlib.sha256(visit_id.encode()).hexdigest()[:32]}-{attempt}"
