"""Processors that share a core or a package with those that this agent may use, and that it may not use itself."""

from collections.abc import Collection
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line
from mltest.agent.host.processor_list import processors_of

_CPU = "sys/devices/system/cpu"


def package_neighbours(root: Path, cpus: Collection[int]) -> frozenset[int]:
    """Return the online processors of the packages of `cpus` that are not among them.

    Source: admin-guide/cputopology.rst of the Linux kernel.
    """
    packages = {kernel_line(folder / "physical_package_id") for folder in _topologies(root, cpus)} - {""}
    online = _listed(kernel_line(root / _CPU / "online"))
    others = online - frozenset(cpus)
    return frozenset(
        cpu for cpu in others if kernel_line(root / f"{_CPU}/cpu{cpu}/topology/physical_package_id") in packages
    )


def split_core_count(root: Path, cpus: Collection[int]) -> int | None:
    """Return of how many cores `cpus` holds one hardware thread and not the others; None where it is not known."""
    cores = {_listed(kernel_line(folder / "thread_siblings_list")) for folder in _topologies(root, cpus)}
    known = {core for core in cores if core}
    return sum(not core <= frozenset(cpus) for core in known) if known else None


def _topologies(root: Path, cpus: Collection[int]) -> list[Path]:
    return [root / f"{_CPU}/cpu{cpu}/topology" for cpu in sorted(cpus)]


def _listed(text: str) -> frozenset[int]:
    try:
        return frozenset(processors_of(text))
    except ValueError:
        return frozenset()
