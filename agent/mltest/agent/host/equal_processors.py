"""Processors on which the same work takes the same time, as far as the machine knows."""

import os
from collections.abc import Iterable
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_number


def equal_processors(root: Path = Path("/"), allowed: Iterable[int] | None = None) -> tuple[int, ...]:
    """Return the fastest of the processors that this process may use, in order.

    Machines with two kinds of cores say which are the larger ones: ARM by a capacity, others by the highest frequency.
    """
    cpus = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
    speeds = {cpu: _speed(root / f"sys/devices/system/cpu/cpu{cpu}") for cpu in cpus}
    return tuple(cpu for cpu in cpus if speeds[cpu] == max(speeds.values()))


def _speed(folder: Path) -> tuple[int, int]:
    capacity, highest = (kernel_number(folder / name) for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"))
    return capacity or 0, highest or 0
