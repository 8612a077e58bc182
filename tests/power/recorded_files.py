"""What a part of the product does to plain files in one folder, as operations of a disk.

Contents are taken when a file is synced or renamed: whatever was written by then and not synced may get lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.power.disk import Delete, Operation, Rename, Sync, SyncFolder, Truncate, Write


@contextmanager
def recorded_files(folder: Path, monkeypatch: pytest.MonkeyPatch, *, syncs: bool = True) -> Iterator[list[Operation]]:
    """Yield what is done below `folder` from now on; without `syncs`, syncing is forgotten, as by a careless author."""
    operations: list[Operation] = []
    recorder = _Recorder(folder, operations, syncs=syncs)
    with monkeypatch.context() as patch:
        for name in ("fsync", "fdatasync", "replace", "rename", "unlink"):
            patch.setattr(os, name, getattr(recorder, name)(getattr(os, name)))
        yield operations


class _Recorder:
    def __init__(self, folder: Path, operations: list[Operation], *, syncs: bool) -> None:
        self._folder, self._operations, self._syncs = folder, operations, syncs
        self._noted: dict[int, bytes] = {}
        """Content by inode."""

    def fsync(self, real: Any) -> Any:
        def sync(descriptor: int) -> None:
            real(descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            if not self._syncs:
                return
            if path == self._folder:
                self._operations.append(SyncFolder())
            elif path.parent == self._folder:
                self._note_content(path)
                self._operations.append(Sync(path.name))

        return sync

    fdatasync = fsync

    def replace(self, real: Any) -> Any:
        def rename(old: Any, new: Any, **options: Any) -> None:
            if Path(old).parent == self._folder:
                self._note_content(Path(old))
                self._operations.append(Rename(Path(old).name, Path(new).name))
            real(old, new, **options)

        return rename

    rename = replace

    def unlink(self, real: Any) -> Any:
        def unlink(path: Any, **options: Any) -> None:
            real(path, **options)
            if Path(path).parent == self._folder:
                self._operations.append(Delete(Path(path).name))

        return unlink

    def _note_content(self, path: Path) -> None:
        content, inode = path.read_bytes(), path.stat().st_ino
        if self._noted.get(inode) == content:
            return
        self._noted[inode] = content
        self._operations += [Write(path.name, 0, content), Truncate(path.name, len(content))]
