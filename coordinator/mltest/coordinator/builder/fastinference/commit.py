"""Which commit a checkout is at, and whether somebody changed the tool in it, asked of git."""

import subprocess
from pathlib import Path

_TIMEOUT_S = 20.0
_DIGITS = 12


def commit_of(folder: Path, package: str) -> str:
    """Return the commit of the checkout `folder` and whether `package` in it is as committed; "" if git knows nothing.

    "e172d9c9f08c, unmodified" or "e172d9c9f08c, changed".
    """
    if not (folder / ".git").exists():
        return ""
    head = _said(folder, "rev-parse", "HEAD")
    changes = _said(folder, "status", "--porcelain", "--", package)
    if head is None or changes is None:
        return ""
    lines = [line for line in changes.splitlines() if "__pycache__" not in line]
    return f"{head.strip()[:_DIGITS]}, {'changed' if lines else 'unmodified'}"


def _said(folder: Path, *arguments: str) -> str | None:
    # A checkout may belong to another user, and its own settings name programs that git would start.
    settings = ("-c", f"safe.directory={folder}", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *settings, *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
