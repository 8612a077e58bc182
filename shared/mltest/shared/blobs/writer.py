"""Writes one blob: reserves its room, hashes while appending, and makes it visible in one step or not at all."""

import ctypes
import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mltest.shared.errors import BlobCorruptError, DiskFullError, RequestInvalidError

CHUNK_BYTES = 1024 * 1024
"""Bytes read, hashed, written or sent at a time; the contract's largest chunk."""

_SYNC_BYTES = 8 * CHUNK_BYTES
_FALLOC_FL_KEEP_SIZE = 1
"""fallocate(2): reserve blocks, leave the size of the file as it is."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LIBC = ctypes.CDLL(None, use_errno=True)
_FALLOCATE = getattr(_LIBC, "fallocate64", None) or _LIBC.fallocate
"""With 64-bit offsets, which the C library's plain name has on 64-bit machines only."""
_SYNC_FILE_RANGE_WRITE = 2
"""sync_file_range(2): begin to write to the disk, do not wait."""


class BlobWriter:
    """Appends to one blob until it is left. One thread at a time appends; another one may leave meanwhile."""

    def __init__(self, *, part: Path, target: Path, size_bytes: int, release: Callable[[], None]) -> None:
        self._part = part
        self._target = target
        self._size_bytes = size_bytes
        self._release = release
        self._hash = hashlib.sha256()
        self._lock = threading.Lock()
        self._is_open = True
        self._synced_bytes = 0
        self.stored_bytes = 0
        """Bytes appended so far, those of earlier tries included."""
        self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._hash_stored()
            self._reserve()
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, chunk: bytes | memoryview) -> None:
        """Hash and write `chunk`; nothing happens once the writer was left.

        Raises:
            RequestInvalidError: these are more bytes than were announced.
            DiskFullError: the disk is full; what was written stays for another try.

        """
        with self._lock:
            if not self._is_open:
                return
            if self.stored_bytes + len(chunk) > self._size_bytes:
                raise RequestInvalidError(detail=f"blob {self._target.name} has more than {self._size_bytes} bytes")
            self._write(memoryview(chunk))

    @property
    def has_all(self) -> bool:
        """Whether as many bytes are here as were announced."""
        return self.stored_bytes == self._size_bytes

    def commit(self) -> None:
        """Verify the blob, put it on the disk for good, and make it visible.

        Raises:
            BlobCorruptError: these are not the bytes that were announced; they have been dropped.

        """
        with self._lock:
            if not self._is_open:
                return
            if self._hash.hexdigest() != self._target.name:
                self._part.unlink()
                raise BlobCorruptError(sha256=self._target.name)
            os.fchmod(self._descriptor, 0o400)
            os.fsync(self._descriptor)
            self._part.rename(self._target)
            _sync_folder(self._target.parent)

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let another writer have the blob."""
        with self._lock:
            self._is_open = False
            os.close(self._descriptor)
        self._release()

    def _hash_stored(self) -> None:
        while chunk := os.read(self._descriptor, CHUNK_BYTES):
            self._hash.update(chunk)
            self.stored_bytes += len(chunk)

    def _reserve(self) -> None:
        """Take the room for all bytes now: a refusal before the first of them is better than one after the last."""
        missing_bytes = self._size_bytes - self.stored_bytes
        with self._full_disk_reported(missing_bytes):
            span = (ctypes.c_int64(self.stored_bytes), ctypes.c_int64(missing_bytes))
            if missing_bytes and _FALLOCATE(self._descriptor, _FALLOC_FL_KEEP_SIZE, *span) != 0:
                number = ctypes.get_errno()
                if number in _NO_ROOM:
                    raise OSError(number, os.strerror(number))
                self._check_free_room(missing_bytes)

    def _check_free_room(self, missing_bytes: int) -> None:
        """Look whether there is room, on file systems that cannot reserve it."""
        state = os.fstatvfs(self._descriptor)
        if state.f_bavail * state.f_frsize < missing_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _write(self, chunk: memoryview) -> None:
        with self._full_disk_reported(self._size_bytes - self.stored_bytes):
            while chunk:
                written_bytes = os.write(self._descriptor, chunk)
                self._hash.update(chunk[:written_bytes])
                self.stored_bytes += written_bytes
                chunk = chunk[written_bytes:]
        self._begin_sync()

    def _begin_sync(self) -> None:
        """Let the disk work while the next bytes are on their way, so that the commit has less to wait for."""
        if self.stored_bytes - self._synced_bytes >= _SYNC_BYTES:
            span = (ctypes.c_int64(self._synced_bytes), ctypes.c_int64(self.stored_bytes - self._synced_bytes))
            _LIBC.sync_file_range(self._descriptor, *span, _SYNC_FILE_RANGE_WRITE)
            self._synced_bytes = self.stored_bytes

    @contextmanager
    def _full_disk_reported(self, needed_bytes: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise DiskFullError(needed_bytes=needed_bytes, folder=self._part.parent) from error
            raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
