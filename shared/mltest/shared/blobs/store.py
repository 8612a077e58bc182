"""Content-addressed bytes on disk: models, datasets, artifacts, predictions.

A blob is a file named by its SHA-256; an upload that is not complete yet lies in `parts/`, so that it can go on where
it stopped. What was not used for longest makes room for what comes. Every method may be called from any thread.
"""

import hashlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from mltest.shared.blobs.writer import CHUNK_BYTES, BlobWriter
from mltest.shared.errors import (
    BlobBusyError,
    BlobCorruptError,
    BlobOffsetError,
    BlobUnknownError,
    DiskFullError,
    RequestInvalidError,
    ResourceLimitError,
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_STALE_PART_S = 24 * 3600.0
"""An upload that nobody went on with for so long is dropped when the store is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobStatus:
    """How much of a blob is here."""

    is_complete: bool
    """Whether all bytes are here and verified."""
    stored_bytes: int
    """Where an upload has to go on; the size of a complete blob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """A blob by its content."""

    sha256: str
    size_bytes: int


class BlobStore:
    """Blobs below one folder, which no other process uses."""

    def __init__(self, folder: Path, capacity_bytes: int) -> None:
        self._folder = folder
        self._parts = folder / "parts"
        self._capacity_bytes = capacity_bytes
        self._lock = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._announced_bytes: dict[str, int] = {}
        """Final size of each blob that is being written now."""
        self._parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drop_stale_parts()

    def status(self, sha256: str) -> BlobStatus:
        """Return how much of a blob is here."""
        size_bytes = _size_bytes(self._blob(sha256))
        if size_bytes is not None:
            return BlobStatus(is_complete=True, stored_bytes=size_bytes)
        return BlobStatus(is_complete=False, stored_bytes=_size_bytes(self._part(sha256)) or 0)

    def path(self, sha256: str) -> Path:
        """Return the file of a complete blob and mark it as used; it stays at least while it is pinned.

        Raises:
            BlobUnknownError: it is not here, or not complete.

        """
        path = self._blob(sha256)
        try:
            os.utime(path)
        except FileNotFoundError as error:
            raise BlobUnknownError(sha256=sha256) from error
        return path

    def verify(self, shas: Collection[str]) -> None:
        """Return if the bytes of these blobs are still what they were; a disk may have changed them.

        Raises:
            BlobUnknownError: one is not here.
            BlobCorruptError: one was changed; it has been dropped.

        """
        for sha256 in dict.fromkeys(shas):
            path = self.path(sha256)
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != sha256:
                path.unlink(missing_ok=True)
                raise BlobCorruptError(sha256=sha256)

    @contextmanager
    def pinned(self, shas: Collection[str]) -> Iterator[None]:
        """Keep these blobs from making room for others, also those that are not here yet."""
        with self._lock:
            self._pins.update(shas)
        try:
            yield
        finally:
            with self._lock:
                self._pins.subtract(shas)
                self._pins = +self._pins

    def writer(self, sha256: str, size_bytes: int, offset_bytes: int) -> BlobWriter:
        """Return a writer that goes on with an upload; leaving it keeps what was appended for another try.

        What is stored already is read once to hash it.

        Raises:
            BlobOffsetError: the upload goes on elsewhere, or is complete.
            BlobBusyError: another writer has it.
            ResourceLimitError: the blob is larger than the store may become.
            DiskFullError: there is no room for it, on the disk or beside blobs in use.

        """
        with self._lock:
            if sha256 in self._announced_bytes:
                raise BlobBusyError(sha256=sha256)
            self._check_offset(sha256, size_bytes, offset_bytes)
            self._make_room(sha256, size_bytes)
            self._announced_bytes[sha256] = size_bytes
        try:
            return BlobWriter(
                part=self._part(sha256),
                target=self._blob(sha256),
                size_bytes=size_bytes,
                release=lambda: self._release(sha256),
            )
        except BaseException:
            self._release(sha256)
            raise

    def add_file(self, path: Path) -> BlobRef:
        """Copy `path` into the store; what is there already is only marked as used.

        Raises:
            OSError: it cannot be read.
            BlobCorruptError: it changed meanwhile.
            BlobBusyError, ResourceLimitError, DiskFullError: as for `writer`.

        """
        with path.open("rb") as source:
            return self.add(source)

    def add(self, source: BufferedReader) -> BlobRef:
        """Copy an open file into the store, from its beginning; otherwise as `add_file`."""
        source.seek(0)
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        size_bytes = source.tell()
        status = self.status(sha256)
        if status.is_complete:
            self.path(sha256)
        else:
            source.seek(status.stored_bytes)
            with self.writer(sha256, size_bytes, status.stored_bytes) as writer:
                while chunk := source.read(CHUNK_BYTES):
                    writer.append(chunk)
                writer.commit()
        return BlobRef(sha256=sha256, size_bytes=size_bytes)

    def _check_offset(self, sha256: str, size_bytes: int, offset_bytes: int) -> None:
        status = self.status(sha256)
        stored_bytes = status.stored_bytes
        if not status.is_complete and stored_bytes > size_bytes:
            self._part(sha256).unlink()
            stored_bytes = 0
        if status.is_complete or offset_bytes != stored_bytes:
            raise BlobOffsetError(sha256=sha256, stored_bytes=stored_bytes, offset_bytes=offset_bytes)

    def _make_room(self, sha256: str, size_bytes: int) -> None:
        if size_bytes > self._capacity_bytes:
            raise ResourceLimitError(
                what="a blob",
                detail=f"it has {size_bytes} bytes, and {self._folder} may hold {self._capacity_bytes}",
                next_step="give the store on that machine a larger capacity, or submit a smaller file",
            )
        idle = [entry for entry in self._entries() if entry.name not in {*self._announced_bytes, sha256}]
        excess_bytes = sum(entry.stat().st_size for entry in idle) + sum(self._announced_bytes.values())
        excess_bytes += size_bytes - self._capacity_bytes
        for entry in sorted(idle, key=lambda entry: entry.stat().st_mtime_ns):
            if excess_bytes > 0 and entry.name not in self._pins:
                excess_bytes -= entry.stat().st_size
                entry.unlink()
        if excess_bytes > 0:
            raise DiskFullError(
                needed_bytes=size_bytes,
                folder=self._folder,
                next_step="give the store on that machine a larger capacity, or wait until its blobs are not in use",
            )

    def _entries(self) -> list[Path]:
        blobs = [entry for entry in self._folder.iterdir() if _SHA256.fullmatch(entry.name)]
        return [*blobs, *self._parts.iterdir()]

    def _drop_stale_parts(self) -> None:
        oldest_s = time.time() - _STALE_PART_S
        for part in self._parts.iterdir():
            if part.stat().st_mtime < oldest_s:
                part.unlink()

    def _release(self, sha256: str) -> None:
        with self._lock:
            self._announced_bytes.pop(sha256, None)

    def _blob(self, sha256: str) -> Path:
        return self._folder / _checked(sha256)

    def _part(self, sha256: str) -> Path:
        return self._parts / _checked(sha256)


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise RequestInvalidError(detail=f"{sha256[:80]!r} is not a SHA-256 of 64 lower-case hexadecimal digits")
    return sha256


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
