"""What was set and what it was before, in a file that is on the disk before anything is set."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line
from mltest.shared.errors import TuneFailedError

FILE = "var/lib/mltest/tuned.json"
_BOOT = "proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Tuned:
    """One place that was set."""

    place: str
    before: str
    """Before the first time that it was set since then."""
    after: str
    """What it was set to."""


@dataclass(frozen=True, slots=True)
class TunedState:
    """All of them."""

    changes: tuple[Tuned, ...] = ()
    is_of_this_boot: bool = True
    """False if the machine was started since: then everything is as a start makes it."""


def read_state(root: Path) -> TunedState:
    """Return what is set on the machine whose file system starts at `root`.

    Raises:
        TuneFailedError: the file makes no sense.

    """
    path = root / FILE
    try:
        content = json.loads(path.read_text())
        changes = tuple(Tuned(**one) for one in content["changes"])
        if not all(isinstance(text, str) for one in changes for text in (one.place, one.before, one.after)):
            raise ValueError("a place or a value is no text")
        return TunedState(changes, content["boot_id"] == kernel_line(root / _BOOT))
    except FileNotFoundError:
        return TunedState()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise TuneFailedError(detail=f"{path} cannot be read ({error})") from error


def write_state(root: Path, changes: Sequence[Tuned]) -> None:
    """Keep `changes` so that a power cut does not lose them; none removes the file; raises OSError."""
    path = root / FILE
    if not changes:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    content = {"boot_id": kernel_line(root / _BOOT), "changes": [asdict(one) for one in changes]}
    unfinished = path.with_suffix(".part")
    with unfinished.open("w") as stream:
        stream.write(json.dumps(content, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
