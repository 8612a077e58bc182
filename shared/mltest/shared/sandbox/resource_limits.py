"""Limits of the kernel that need no rights and exist everywhere (setrlimit(2))."""

import os
import resource
from pathlib import Path

from mltest.shared.sandbox.limits import ChildLimits, Confinement

_OPEN_FILES = 1024
_TASKS = 2048
"""Threads and processes beside those that the user had before."""
_QUEUED_SIGNALS = 256
_MORE_CPU_S = 5


def limit_resources(limits: ChildLimits) -> None:
    """Set the limits; those of a confined child that nobody named are generous."""
    _limit(resource.RLIMIT_CORE, 0)
    for number, value in (
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
    ):
        if value:
            _limit(number, value)
    if limits.cpu_s:
        # At the soft limit comes SIGXCPU, which names it; at the hard one SIGKILL.
        _limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + _MORE_CPU_S)
    if limits.confinement is not Confinement.NONE:
        _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
        _limit(resource.RLIMIT_MSGQUEUE, 0)
        _limit(resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)
        if os.getuid():
            # It does not hold root.
            _limit(resource.RLIMIT_NPROC, _tasks_of_user() + _TASKS)


def _limit(number: int, soft: int, hard: int | None = None) -> None:
    """Lower both limits; what is lower already stays so."""
    _, now = resource.getrlimit(number)
    bounds = [value if now == resource.RLIM_INFINITY else min(value, now) for value in (soft, hard or soft)]
    resource.setrlimit(number, (bounds[0], bounds[1]))


def _tasks_of_user() -> int:
    user, count = os.getuid(), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                count += len(list(Path(entry.path, "task").iterdir())) if entry.stat().st_uid == user else 0
            except OSError:
                continue
    return count
