"""How long an agent has served in all its lives: the clock for the age of journals.

It counts the time in which somebody could have fetched them, on the monotonic clock: whatever happens to the date of a
machine, nothing gets old by it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class ServedTime:
    """Kept in a file; at a crash, what was not saved yet is not counted."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._before_s = _read(path) - clock()

    def now_s(self) -> float:
        """Return seconds of service."""
        return self._before_s + self._clock()

    def save(self) -> None:
        """Write it to the file as a whole or not at all."""
        draft = self._path.with_suffix(".new")
        with suppress(OSError):
            draft.write_text(f"{self.now_s():.0f}\n")
            draft.replace(self._path)


def _read(path: Path) -> float:
    try:
        return max(0.0, float(path.read_text()))
    except (OSError, ValueError):
        return 0.0
