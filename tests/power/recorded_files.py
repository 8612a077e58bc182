"""What a part of the product does to plain files below one folder, as operations of a disk.

What is written through `os` is noted as it is written; what is written through Python's own files, when they are synced
or renamed: whatever was written by then and not synced may get lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.power.disk import Delete, MakeFolder, Operation, Rename, Sync, SyncFolder, Truncate, Write

_CALLS = ("fsync", "fdatasync", "replace", "rename", "unlink", "mkdir", "write", "pwrite", "ftruncate")


@contextmanager
def recorded_files(folder: Path, monkeypatch: pytest.MonkeyPatch, *, syncs: bool = True) -> Iterator[list[Operation]]:
    """Yield what is done below `folder` from now on; without `syncs`, syncing is forgotten, as by a careless author."""
    operations: list[Operation] = []
    recorder = _Recorder(folder.resolve(), operations, syncs=syncs)
    with monkeypatch.context() as patch:
        for name in _CALLS:
            patch.setattr(os, name, getattr(recorder, name)(getattr(os, name)))
        yield operations


class _Recorder:
    """Each method returns what stands in the place of the function of `os` with its name."""

    def __init__(self, folder: Path, operations: list[Operation], *, syncs: bool) -> None:
        self._folder, self._operations, self._syncs = folder, operations, syncs
        self._noted: dict[int, bytes] = {}
        """Content by inode, as far as it was noted."""

    def fsync(self, real: Any) -> Any:
        def sync(descriptor: int) -> None:
            real(descriptor)
            name = self._open_name(descriptor)
            if name is None or not self._syncs:
                return
            if (self._folder / name).is_dir():
                self._operations.append(SyncFolder("" if name == "." else name))
            else:
                self._note_content(name)
                self._operations.append(Sync(name))

        return sync

    fdatasync = fsync

    def replace(self, real: Any) -> Any:
        def rename(old: Any, new: Any, **options: Any) -> None:
            if (name := self._name(old)) is not None:
                self._note_content(name)
                self._operations.append(Rename(name, str(self._name(new))))
            real(old, new, **options)

        return rename

    rename = replace

    def unlink(self, real: Any) -> Any:
        def unlink(path: Any, **options: Any) -> None:
            real(path, **options)
            if options.get("dir_fd") is None and (name := self._name(path)) is not None:
                self._operations.append(Delete(name))

        return unlink

    def mkdir(self, real: Any) -> Any:
        def mkdir(path: Any, *arguments: Any, **options: Any) -> None:
            real(path, *arguments, **options)
            if (name := self._name(path)) is not None:
                self._operations.append(MakeFolder(name))

        return mkdir

    def write(self, real: Any) -> Any:
        def write(descriptor: int, data: bytes) -> int:
            name = self._open_name(descriptor)
            size = os.fstat(descriptor).st_size if name is not None else 0
            written = int(real(descriptor, data))
            if name is not None:
                self._note_write(name, size, bytes(data[:written]))
            return written

        return write

    def pwrite(self, real: Any) -> Any:
        def pwrite(descriptor: int, data: bytes, offset: int) -> int:
            written = int(real(descriptor, data, offset))
            if (name := self._open_name(descriptor)) is not None:
                self._note_write(name, offset, bytes(data[:written]))
            return written

        return pwrite

    def ftruncate(self, real: Any) -> Any:
        def ftruncate(descriptor: int, size: int) -> None:
            real(descriptor, size)
            if (name := self._open_name(descriptor)) is not None:
                self._operations.append(Truncate(name, size))

        return ftruncate

    def _name(self, path: Any) -> str | None:
        """Return the name below the folder; None for one elsewhere."""
        absolute = Path(path).absolute()
        return absolute.relative_to(self._folder).as_posix() if absolute.is_relative_to(self._folder) else None

    def _open_name(self, descriptor: int) -> str | None:
        return self._name(Path(f"/proc/self/fd/{descriptor}").readlink())

    def _note_write(self, name: str, offset: int, data: bytes) -> None:
        self._operations.append(Write(name, offset, data))
        path = self._folder / name
        self._noted[path.stat().st_ino] = path.read_bytes()

    def _note_content(self, name: str) -> None:
        path = self._folder / name
        content, inode = path.read_bytes(), path.stat().st_ino
        if self._noted.get(inode) == content:
            return
        self._noted[inode] = content
        self._operations += [Write(name, 0, content), Truncate(name, len(content))]
