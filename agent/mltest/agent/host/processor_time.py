"""What the processors were busy with: this process and its workers, others, or nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text

_IDLE, _IOWAIT, _STEAL = 3, 4, 7
_COUNTED_FIELDS = 8
"""Guests (fields 9 and 10) are counted in user time already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTime:
    """Time of all chosen processors since the machine started; ticks are 1 / sysconf(SC_CLK_TCK) seconds."""

    total_ticks: int
    busy_ticks: int
    """Of this machine's processes and of its kernel."""
    steal_ticks: int
    """Taken by the hypervisor for other machines."""
    own_ticks: int
    """Of the measuring processes, part of the busy ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Shares of the processors' time in one span, each 0 to 1."""

    own_ratio: float
    foreign_ratio: float
    steal_ratio: float


def read_processor_time(root: Path, cpus: Collection[int], pids: Collection[int]) -> ProcessorTime | None:
    """Return the times of `cpus` (of all, where the kernel does not list these); None where there are none to read.

    `pids` are the measuring processes; their descendants count with them, the ended ones as soon as they were waited
    for. Source: proc(5), /proc/stat and /proc/PID/stat.
    """
    lines = dict(_processor_lines(kernel_text(root / "proc/stat")))
    chosen = [lines[name] for cpu in cpus if (name := f"cpu{cpu}") in lines]
    if len(chosen) < len(cpus) or not chosen:
        chosen = [lines["cpu"]] if "cpu" in lines else []
    if not chosen or not any(map(sum, chosen)):
        return None
    total, steal = sum(map(sum, chosen)), sum(line[_STEAL] for line in chosen)
    idle = sum(line[_IDLE] + line[_IOWAIT] for line in chosen)
    return ProcessorTime(
        total_ticks=total, busy_ticks=total - idle - steal, steal_ticks=steal, own_ticks=tree_ticks(root, pids)
    )


def load_between(before: ProcessorTime | None, after: ProcessorTime | None) -> Load | None:
    """Return how the time between two readings was shared; None where it was not read, or no tick passed."""
    if before is None or after is None or after.total_ticks <= before.total_ticks:
        return None
    total = after.total_ticks - before.total_ticks
    own = after.own_ticks - before.own_ticks
    return Load(
        own_ratio=_share(own, total),
        foreign_ratio=_share(after.busy_ticks - before.busy_ticks - own, total),
        steal_ratio=_share(after.steal_ticks - before.steal_ticks, total),
    )


def tree_ticks(root: Path, pids: Collection[int]) -> int:
    """Return the ticks of `pids`, their descendants, and of those that they waited for, as far as they can be seen."""
    table = _processes(root / "proc")
    own = _descendants(table, pids)
    return sum(ticks for pid, (_, ticks) in table.items() if pid in own)


def process_tree(root: Path, pids: Collection[int]) -> frozenset[int]:
    """Return `pids` and their descendants, as far as they can be seen."""
    return _descendants(_processes(root / "proc"), pids)


def _descendants(table: Mapping[int, tuple[int, int]], pids: Collection[int]) -> frozenset[int]:
    own = set(pids)
    while more := {pid for pid, (parent, _) in table.items() if parent in own} - own:
        own |= more
    return frozenset(own)


def _share(ticks: int, total: int) -> float:
    # The kernel samples one side by ticks and counts the other exactly, so a small difference may fall below zero.
    return min(1.0, max(0.0, ticks / total))


def _processor_lines(text: str) -> Iterable[tuple[str, list[int]]]:
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and all(field.isdigit() for field in fields):
            yield name, [*map(int, fields), *[0] * _COUNTED_FIELDS][:_COUNTED_FIELDS]


def _processes(proc: Path) -> dict[int, tuple[int, int]]:
    """Return parent and ticks of each process: user and system, its own and those of the children it waited for."""
    table: dict[int, tuple[int, int]] = {}
    try:
        names = [entry.name for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return table
    for name in names:
        # The command in brackets may hold anything, so split behind its last bracket.
        fields = kernel_text(proc / name / "stat").rpartition(")")[2].split()
        if len(fields) > 14:
            table[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return table
