"""Runs a program, shows what it says, and ends it when this process is interrupted."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

Say = Callable[[str], None]

_UMASK = 0o022
"""Agents of other users read what is made."""


def said_by(command: Sequence[str], folder: Path, say: Say) -> tuple[int, list[str]]:
    """Run `command` in `folder`; return its exit status and every line that it printed."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=_UMASK,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                say(lines[-1])
        except BaseException:
            process.kill()
            raise
    return process.returncode, lines
