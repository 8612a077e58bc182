"""Numbers in files of the kernel that stay open: reading one again costs a few microseconds."""

import os
from pathlib import Path

_MAX_BYTES = 64


class FileNumbers:
    """Files that are read again and again."""

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}

    def number(self, path: Path) -> int:
        """Return the whole number in `path`.

        Raises:
            OSError: it cannot be read, as when a driver switched it off (ENODATA).
            ValueError: it holds no number.

        """
        if path not in self._open:
            self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        text = os.pread(self._open[path], _MAX_BYTES, 0).strip()
        return int(text)

    def close(self) -> None:
        """Close every file."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open = {}


def why_not(error: OSError | ValueError) -> str:
    """Return why there is no number, for people."""
    return error.strerror or str(error) if isinstance(error, OSError) else "the kernel gives no number"
