"""State directories: where they are, and that only one process uses each."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mltest.shared.errors import RequestInvalidError, StoreBusyError
from mltest.shared.trust.private_files import hand_over

_LOCK_NAME = "lock"


def default_state_folder(role: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where a process of `role` (for example "coordinator", "agent-lab-1") keeps its state.

    That is systemd's StateDirectory= (systemd.exec(5)), else below $XDG_STATE_HOME, else below ~/.local/state.
    """
    if given := environment.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given)
    base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "mltest" / role


@contextmanager
def locked_state(folder: Path) -> Iterator[None]:
    """Make `folder` (mode 0700) and hold it for this process alone; the lock ends with the process at the latest.

    Raises:
        StoreBusyError: another process holds it; its pid is in the message.
        RequestInvalidError: this process cannot write there.

    """
    with _lock_file(folder) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            owner = f"process {stream.read(20).strip() or 'unknown'}"
            message = f"Another process ({owner}) uses {folder}."
            raise StoreBusyError(message, owner=owner, folder=folder) from error
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = (folder / _LOCK_NAME).open("a+")
    except OSError as error:
        raise RequestInvalidError(
            detail=f"no state can be kept in {folder}: {error.strerror}",
            next_step="name another folder with --state-dir, or be the user whom it belongs to",
        ) from error
    hand_over(folder / _LOCK_NAME, folder)
    return stream
