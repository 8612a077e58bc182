"""What a machine should be set to, and why. Reads, and changes nothing.

Source of the choice: `python -m pyperf system tune` of pyperf 2.10 (CPU scaling governor, turbo, sample rate of perf),
the energy preference that goes with the governor, and the persistence mode of NVIDIA's drivers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.gpus import read_gpus
from mltest.agent.host.kernel_file import kernel_line
from mltest.agent.tune.place import FilePlace, GpuPersistence, Place

_CPU = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Wish:
    """One setting, and what it should be."""

    setting: str
    """For people: governor, turbo."""
    place: Place
    wanted: str
    why: str


def wishes(root: Path) -> tuple[Wish, ...]:
    """Return what should be set on the machine whose file system starts at `root`, in the order of setting it.

    A preference comes before its governor: with the governor `performance` some drivers refuse another preference.
    """
    return (*_preference(root), *_governor(root), *_turbo(root), *_sampling(root), *_gpus(root))


def left_alone(root: Path) -> Sequence[str]:
    """Return what is not set, and what does it by hand, as far as the machine has it."""
    found = []
    if kernel_line(root / _CPU / "smt/control") == "on":
        found.append(
            "SMT: taking processors away changes what jobs may use; by hand: echo off | sudo tee "
            f"/{_CPU}/smt/control, for differences below 1 %"
        )
    if (root / "usr/bin/jetson_clocks").exists():
        found.append(
            "Jetson clocks and power mode: sudo nvpmodel -m 0, then sudo jetson_clocks --store && sudo jetson_clocks; "
            "back with sudo jetson_clocks --restore"
        )
    if (root / "proc/driver/nvidia/version").exists():
        found.append("GPU clocks: drivers do not tell whether they are locked; by hand: sudo nvidia-smi -lgc MIN,MAX")
    return found


def _governor(root: Path) -> Iterator[Wish]:
    for folder in _policies(root):
        if "performance" in kernel_line(root / folder / "scaling_available_governors").split():
            why = "another governor changes the clock while calls are timed"
            yield Wish("governor", FilePlace(root, f"{folder}/scaling_governor"), "performance", why)


def _preference(root: Path) -> Iterator[Wish]:
    for folder in _policies(root):
        known = kernel_line(root / folder / "energy_performance_available_preferences").split()
        if "performance" in known:
            why = "another preference lets the processor choose lower clocks"
            place = FilePlace(root, f"{folder}/energy_performance_preference")
            yield Wish("energy preference", place, "performance", why)


def _turbo(root: Path) -> Iterator[Wish]:
    why = "turbo clocks depend on heat and on what other cores do"
    # admin-guide/pm/intel_pstate.rst and cpufreq.rst: the two say the opposite of each other.
    for name, off in (("intel_pstate/no_turbo", "1"), ("cpufreq/boost", "0")):
        if kernel_line(root / _CPU / name):
            yield Wish("turbo", FilePlace(root, f"{_CPU}/{name}"), off, why)
            return


def _sampling(root: Path) -> Iterator[Wish]:
    name = "proc/sys/kernel/perf_event_max_sample_rate"
    if kernel_line(root / name):
        yield Wish("perf samples", FilePlace(root, name), "1", "a profiler interrupts each processor as often as that")


def _gpus(root: Path) -> Iterator[Wish]:
    if (root / "proc/driver/nvidia/version").exists():
        for index, _ in enumerate(read_gpus(root)):
            why = "without it the driver is loaded anew for each process, and clocks start low"
            yield Wish("GPU persistence", GpuPersistence(index), "Enabled", why)


def _policies(root: Path) -> list[str]:
    found = (root / _CPU).glob("cpu[0-9]*/cpufreq")
    return [str(path.relative_to(root)) for path in sorted(found, key=lambda path: int(path.parent.name[3:]))]
