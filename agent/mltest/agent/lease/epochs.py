"""The counter behind fencing tokens: on disk before it is used, so that it never goes back, also over power cuts."""

import os
from pathlib import Path


class EpochFile:
    """Counts up; one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._epoch = int(path.read_text()) if path.exists() else 0

    def next(self) -> int:
        """Return a number greater than every one before; it is on the disk when this returns."""
        self._epoch += 1
        draft = self._path.with_suffix(".new")
        with draft.open("w") as stream:
            stream.write(str(self._epoch))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._path)
        _sync_folder(self._path.parent)
        return self._epoch


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
