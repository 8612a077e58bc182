"""Which candidate the agent is at: overwritten in place, so that it is known what it died of.

It is written to the page cache, where it survives the process but not the machine; `sync` puts it on the disk.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SIZE_BYTES = 512
_PREPARING, _MEASURING = "preparing", "measuring"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""random(4): another one after each start of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the agent was at."""

    candidate_id: str
    is_measuring: bool
    """Whether slices were being timed; before that, the candidate was made ready."""
    is_same_boot: bool
    """Whether the machine itself has not been started since; a step of measuring is exact only then."""


class StepFile:
    """The step of one attempt, in a file of fixed size."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(self._descriptor, bytes(_SIZE_BYTES), 0)
        except OSError:
            os.close(self._descriptor)
            raise

    def write(self, candidate_id: str, *, is_measuring: bool) -> None:
        """Note that `candidate_id` is next; a disk that does not take it is the journal's matter."""
        text = f"{_boot_id()} {_MEASURING if is_measuring else _PREPARING} {candidate_id}\n"
        with suppress(OSError):
            os.pwrite(self._descriptor, text.encode()[:_SIZE_BYTES].ljust(_SIZE_BYTES, b"\0"), 0)

    def sync(self) -> None:
        """Return when the step is on the disk."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_step(path: Path) -> Step | None:
    """Return what stands in the file of a `StepFile`; None if nothing was written, or it cannot be read."""
    try:
        text = path.read_bytes().rstrip(b"\0").decode()
        boot_id, phase, candidate_id = text.removesuffix("\n").split(" ", 2)
    except (OSError, ValueError):
        return None
    return Step(
        candidate_id=candidate_id,
        is_measuring=phase == _MEASURING,
        is_same_boot=bool(boot_id) and boot_id == _boot_id(),
    )


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
