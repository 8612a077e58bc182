"""What is alive below a process."""

import os
from pathlib import Path

from tests.processes import LASTING


def descendants(root_pid: int | None = None) -> set[int]:
    """Return the living processes that descend from `root_pid`, or from this one: those of other tests left out."""
    root_pid = root_pid or os.getpid()
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state not in "ZX" and int(entry.name) not in LASTING:
                parents[int(entry.name)] = int(parent)
    found = {root_pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root_pid}


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
