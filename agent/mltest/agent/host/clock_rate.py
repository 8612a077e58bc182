"""How fast the processors are clocked, where the kernel says so."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_number, kernel_text

THROTTLED_RATIO = 0.75
"""Below this share of its base clock a processor is throttled. Source: the rule of nvbench for GPU clocks."""


@dataclass(frozen=True, slots=True)
class ClockPaths:
    """Files with the clocks of the chosen processors, found once."""

    current: tuple[Path, ...]
    """In kHz."""
    nominal_hz: float | None
    """Least clock that a loaded processor owes: its base clock, or the limit that somebody set below it."""


def find_clocks(root: Path, cpus: Collection[int]) -> ClockPaths:
    """Return where the clocks of `cpus` stand. Source: admin-guide/pm/cpufreq.rst of the Linux kernel."""
    folders = [root / f"sys/devices/system/cpu/cpu{cpu}" for cpu in sorted(cpus)]
    current = {
        # Processors of one clock share one policy.
        kernel_text(path.parent / "related_cpus") or str(path): path
        for path in (folder / "cpufreq/scaling_cur_freq" for folder in folders)
        if kernel_number(path) is not None
    }
    nominal_hz = [hz for folder in folders if (hz := _nominal_hz(folder)) is not None]
    return ClockPaths(tuple(current.values()), min(nominal_hz, default=None))


def read_clocks(paths: ClockPaths) -> tuple[float, ...]:
    """Return the current clocks in Hz; none where none can be read."""
    return tuple(khz * 1e3 for path in paths.current if (khz := kernel_number(path)))


def cpuinfo_clocks(root: Path) -> tuple[float, ...]:
    """Return the clocks in /proc/cpuinfo in Hz, where they are measured ones.

    Without the counters APERF and MPERF, as in most virtual machines, the kernel prints the constant rate of the time
    stamp counter there (arch/x86/kernel/cpu/aperfmperf.c), which says nothing of the clock.
    """
    text = kernel_text(root / "proc/cpuinfo")
    if not re.search(r"^flags\s*:.*\baperfmperf\b", text, re.MULTILINE):
        return ()
    return tuple(float(mhz) * 1e6 for mhz in re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", text, re.MULTILINE))


def is_clock_throttled(clocks_hz: Collection[float], nominal_hz: float | None) -> bool:
    """Return whether even the fastest processor is too slow; idle ones may be as slow as they like."""
    return bool(clocks_hz) and nominal_hz is not None and max(clocks_hz) < THROTTLED_RATIO * nominal_hz


def _nominal_hz(folder: Path) -> float | None:
    base_khz = kernel_number(folder / "cpufreq/base_frequency")
    cppc_mhz = kernel_number(folder / "acpi_cppc/nominal_freq")
    base_hz = base_khz * 1e3 if base_khz else cppc_mhz * 1e6 if cppc_mhz else None
    limit_khz = kernel_number(folder / "cpufreq/scaling_max_freq")
    return min(base_hz, limit_khz * 1e3) if base_hz and limit_khz else base_hz
