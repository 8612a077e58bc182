"""How much of the processors a control group allows; beyond that, its processes are frozen until the next period."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number, kernel_text

_MOUNTS = ("sys/fs/cgroup", "sys/fs/cgroup/unified", "sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorQuota:
    """A limit on processor time."""

    processors: float
    """How many processors may be busy on average."""
    period_s: float
    frozen_count: int | None
    """Periods in which the group was frozen, since it was made; None where that cannot be read."""


def read_processor_quota(root: Path, pid: int | str = "self") -> ProcessorQuota | None:
    """Return the tightest quota of the control groups of `pid`, of version 1 and 2; None where there is none.

    Source: admin-guide/cgroup-v2.rst (cpu.max) and scheduler/sched-bwc.rst (cpu.cfs_quota_us) of the Linux kernel.
    """
    quotas = [quota for folder in _folders(root, pid) if (quota := _quota(folder)) is not None]
    return min(quotas, key=lambda quota: quota.processors, default=None)


def _folders(root: Path, pid: int | str) -> Iterable[Path]:
    """Return the group's folders and those above them; in a container its own one is the mount itself."""
    paths = {line.split(":", 2)[2] for line in kernel_text(root / f"proc/{pid}/cgroup").splitlines() if ":" in line}
    for mount in (root / name for name in _MOUNTS):
        yield mount
        for path in sorted(paths - {"/"}):
            inner = mount / path.lstrip("/")
            if ".." not in inner.parts:
                yield from (folder for folder in (inner, *inner.parents) if mount in folder.parents)


def _quota(folder: Path) -> ProcessorQuota | None:
    quota_us, period_us = _version_2(folder) or _version_1(folder) or (0, 0)
    if quota_us <= 0 or period_us <= 0:
        return None
    return ProcessorQuota(processors=quota_us / period_us, period_s=period_us / 1e6, frozen_count=_frozen_count(folder))


def _version_2(folder: Path) -> tuple[int, int] | None:
    fields = kernel_line(folder / "cpu.max").split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(str.isdigit, fields)) else None


def _version_1(folder: Path) -> tuple[int, int] | None:
    quota_us, period_us = kernel_number(folder / "cpu.cfs_quota_us"), kernel_number(folder / "cpu.cfs_period_us")
    return (quota_us, period_us) if quota_us is not None and period_us is not None else None


def _frozen_count(folder: Path) -> int | None:
    for line in kernel_text(folder / "cpu.stat").splitlines():
        name, _, count = line.partition(" ")
        if name == "nr_throttled" and count.isdigit():
            return int(count)
    return None
