"""The counter behind fencing tokens: on disk before it is used, so that it never goes back, also over power cuts."""

import os
from pathlib import Path

from mltest.agent.outbox.journal import NO_ROOM, sync_folder
from mltest.shared.errors import DiskFullError


class EpochFile:
    """Counts up; one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._epoch = int(path.read_text()) if path.exists() else 0

    def next(self) -> int:
        """Return a number greater than every one before; it is on the disk when this returns.

        Raises:
            DiskFullError: there is no room for it.

        """
        self._epoch += 1
        try:
            self._write()
        except OSError as error:
            if error.errno in NO_ROOM:
                folder = self._path.parent
                raise DiskFullError(f"there is no room left below {folder}", folder=str(folder)) from error
            raise
        return self._epoch

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        with draft.open("w") as stream:
            stream.write(str(self._epoch))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)
