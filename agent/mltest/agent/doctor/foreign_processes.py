"""Which other processes use the processors."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from mltest.agent.doctor.readings import ForeignProcess
from mltest.agent.host.kernel_file import kernel_text
from mltest.shared.naming import clean_text

MAX_PROCESSES = 5
LEAST_PROCESSORS = 0.01
_NAME_CHARS = 48
_UPDATES = "sudo systemctl stop apt-daily.timer apt-daily-upgrade.timer unattended-upgrades"
_SLEEPERS = {
    "unattended-upgr": ("unattended-upgrades", _UPDATES),
    "packagekitd": ("packagekit", "sudo systemctl stop packagekit"),
    "fwupd": ("fwupd", "sudo systemctl stop fwupd fwupd-refresh.timer"),
    "snapd": ("snapd", "sudo systemctl stop snapd.socket snapd"),
    "clamd": ("clamd", "sudo systemctl stop clamav-daemon"),
    "tracker-miner-f": ("tracker", "systemctl --user stop tracker-miner-fs-3"),
    "baloo_file": ("baloo", "balooctl suspend"),
}
"""Names in /proc/PID/comm, which the kernel cuts to 15 characters."""

Usage = Mapping[psutil.Process, float]
"""Processor time of each process in s; a process is identified by its pid and its start."""


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """All processes at one moment."""

    monotonic_ns: int
    used_s: Usage


def read_process_times() -> ProcessTimes:
    """Return the processor time of every process that can be read, without this one and its children; maybe of none."""
    try:
        own = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    except (psutil.Error, OSError, RuntimeError):
        # A container may hide /proc/stat, without which psutil knows no process's start.
        return ProcessTimes(time.monotonic_ns(), {})
    used_s: dict[psutil.Process, float] = {}
    for process in psutil.process_iter():
        if process.pid not in own:
            try:
                times = process.cpu_times()
            except (psutil.Error, OSError, RuntimeError):
                continue
            used_s[process] = times.user + times.system
    return ProcessTimes(time.monotonic_ns(), used_s)


def busiest_between(before: ProcessTimes, after: ProcessTimes) -> tuple[ForeignProcess, ...]:
    """Return the processes that used most between two readings, busiest first."""
    span_s = max(1e-3, (after.monotonic_ns - before.monotonic_ns) / 1e9)
    shares = {process: (used - before.used_s.get(process, 0.0)) / span_s for process, used in after.used_s.items()}
    busiest = sorted(shares, key=lambda process: shares[process], reverse=True)[:MAX_PROCESSES]
    return tuple(_described(process, shares[process]) for process in busiest if shares[process] >= LEAST_PROCESSORS)


def sleepers_among(times: ProcessTimes) -> dict[str, str]:
    """Return the services that are known to start working at any time, and the command that stops each."""
    names = set()
    for process in times.used_s:
        try:
            names.add(process.name()[:15])
        except (psutil.Error, OSError):
            continue
    return dict(_SLEEPERS[name] for name in sorted(names & _SLEEPERS.keys()))


def unit_of(groups: str) -> str:
    """Return the service of the system in the text of /proc/PID/cgroup; empty for what a user started."""
    found = re.search(r"/system\.slice/(?:[^/\n]+/)*([\w.@\\:-]+\.service)$", groups, re.MULTILINE)
    return found.group(1) if found else ""


def _described(process: psutil.Process, processors: float) -> ForeignProcess:
    try:
        words, name, user = process.cmdline(), process.name(), process.username()
    except (psutil.Error, OSError, KeyError):
        words, name, user = ["?"], "", ""
    return ForeignProcess(
        pid=process.pid,
        name=clean_text(" ".join([Path(words[0]).name, *words[1:]]) if words else name, _NAME_CHARS) or "?",
        user=clean_text(user, _NAME_CHARS),
        unit=unit_of(kernel_text(Path(f"/proc/{process.pid}/cgroup"))),
        is_kernel=not words,
        processors=processors,
    )
