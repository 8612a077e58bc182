"""The settings of a machine that its numbers depend on, as they were while it measured."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_text
from mltest.agent.host.power_source import is_on_battery
from mltest.agent.host.processor_list import processors_of
from mltest.agent.host.processor_quota import read_processor_quota
from mltest.agent.host.virtualisation import read_virtualisation

_CPU = "sys/devices/system/cpu"
_MAX_CHARS = 200


def read_settings(root: Path, cpus: Collection[int]) -> dict[str, str]:
    """Return the settings by name; what cannot be read is absent.

    `cpus` are the processors that this process may use. Values change only when somebody changes a setting, so that
    they tell one series of measurements from the next.
    """
    found = (*_clock(root), *_kernel(root), *_processors(root, cpus), *_machine(root))
    return {name: text[:_MAX_CHARS] for name, text in found if text}


def chosen_word(text: str) -> str:
    """Return the word in brackets of a kernel's list of choices: madvise of "always [madvise] never"."""
    return text.partition("[")[2].partition("]")[0]


def processor_count(text: str) -> int:
    """Return how many processors a kernel's list names: 5 for "0-3,8"; 0 for an empty one.

    Raises:
        ValueError: it is not such a list.

    """
    return len(processors_of(text))


def _clock(root: Path) -> Iterable[tuple[str, str]]:
    cpus = root / _CPU
    yield "governor", _joined(cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    yield "frequency_driver", kernel_line(cpus / "cpu0/cpufreq/scaling_driver")
    yield "energy_preference", _joined(cpus.glob("cpu[0-9]*/cpufreq/energy_performance_preference"))
    # admin-guide/pm/intel_pstate.rst and cpufreq.rst: the two say the opposite of each other.
    no_turbo, boost = kernel_line(cpus / "intel_pstate/no_turbo"), kernel_line(cpus / "cpufreq/boost")
    yield "turbo", {"0": "on", "1": "off"}.get(no_turbo, "") or {"1": "on", "0": "off"}.get(boost, "")
    yield "clocksource", kernel_line(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")


def _kernel(root: Path) -> Iterable[tuple[str, str]]:
    kernel = root / "proc/sys/kernel"
    yield "kernel", kernel_line(kernel / "osrelease")
    yield "aslr", kernel_line(kernel / "randomize_va_space")
    yield "sched_autogroup", kernel_line(kernel / "sched_autogroup_enabled")
    yield "perf_event_paranoid", kernel_line(kernel / "perf_event_paranoid")
    yield "transparent_hugepage", chosen_word(kernel_line(root / "sys/kernel/mm/transparent_hugepage/enabled"))
    yield "swappiness", kernel_line(root / "proc/sys/vm/swappiness")
    if swaps := kernel_text(root / "proc/swaps").splitlines():
        yield "swap", "on" if len(swaps) > 1 else "off"


def _processors(root: Path, cpus: Collection[int]) -> Iterable[tuple[str, str]]:
    folder = root / _CPU
    smt = kernel_line(folder / "smt/control")
    active = {"1": "on", "0": "off"}.get(kernel_line(folder / "smt/active"), "")
    yield "smt", smt if smt.startswith("not") else active or smt
    yield "isolated_cpus", kernel_line(folder / "isolated")
    try:
        online = processor_count(kernel_line(folder / "online")) or os.cpu_count() or len(cpus)
    except ValueError:
        online = len(cpus)
    yield "usable_cpus", f"{len(cpus)} of {online}"
    if quota := read_processor_quota(root):
        yield "cpu_quota", f"{quota.processors:g} processors"


def _machine(root: Path) -> Iterable[tuple[str, str]]:
    yield "virtualisation", read_virtualisation(root)
    battery = is_on_battery(root)
    yield "power", "" if battery is None else "battery" if battery else "mains"
    driver = re.search(r"Kernel Module\s+(\S+)", kernel_text(root / "proc/driver/nvidia/version"))
    yield "nvidia_driver", driver.group(1) if driver else ""
    lines = kernel_text(root / "proc/cpuinfo").splitlines()
    revisions = {line.partition(":")[2].strip() for line in lines if line.startswith("microcode")}
    yield "microcode", ", ".join(sorted(revisions))


def _joined(paths: Iterable[Path]) -> str:
    return ", ".join(sorted({kernel_line(path) for path in paths} - {""}))
