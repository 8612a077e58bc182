"""Ends a process together with everything that it started, whatever session or group that moved to."""

import logging
import os
import signal
import time
from pathlib import Path

MARK = "MLTEST_CHILD"
"""Environment variable that every process of one tree inherits; its value names the tree."""

_LOG = logging.getLogger(__name__)

_PROC = Path("/proc")
_PATIENCE_S = 2.0
"""A killed process is gone within milliseconds, unless it waits for a device."""


def kill_tree(root_pid: int, mark: str) -> None:
    """Kill the group of `root_pid`, its descendants, and every process that carries `mark`; repeat until none is left.

    The root is last: it adopts orphans (`sandbox.privileges.adopt_orphans`), so that until then nobody whose parent is
    killed, and who has left group, session and variables behind, is lost. Nothing is stopped before it is killed: what
    was attached to this process as a debugger would stop it as well.

    Returns when nothing that can be found is alive, or when what is left does not even die of SIGKILL because it hangs
    in the kernel; `root_pid` itself still has to be waited for by its parent.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    while victims := _alive(root_pid, mark):
        for pid in victims - {root_pid} or victims:
            _kill(pid)
        if time.monotonic() > deadline_s:
            _LOG.warning("processes %s hang in the kernel and cannot be killed", sorted(victims))
            break
    # Unseen where /proc is mounted with hidepid: a process that hides its memory is not listed (proc(5)).
    signal_tree(root_pid, signal.SIGKILL)


def signal_tree(root_pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group of `root_pid`; nothing happens if it is gone."""
    try:
        os.killpg(root_pid, number)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Return whether a process has that id, and has not ended."""
    return any(found == pid and state not in "ZX" for found, (_, state) in _processes().items())


def _alive(root_pid: int, mark: str) -> set[int]:
    parents = {pid: parent for pid, (parent, state) in _processes().items() if state not in "ZX"}
    found = {root_pid, *(pid for pid in parents if _carries(pid, mark))}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return (found & parents.keys()) - {os.getpid()}


def _processes() -> dict[int, tuple[int, str]]:
    table: dict[int, tuple[int, str]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                # proc(5): the command in brackets may hold anything, so split behind its last bracket.
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            table[int(entry.name)] = (int(parent), state)
    return table


def _carries(pid: int, mark: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
