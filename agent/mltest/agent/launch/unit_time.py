"""The processor time of a whole worker unit, by its control group: also of workers that hide from their host.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.stat; it exists without any controller.
"""

import os
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text
from mltest.agent.host.processor_time import tree_ticks

_UNIT = "mltest-worker@"
"""Only then nothing else is in the group."""


def own_ticks(root: Path = Path("/"), pid: int | None = None) -> int:
    """Return the ticks of this process's unit; outside of one, of this process and its descendants."""
    found = _unit_ticks(root)
    return tree_ticks(root, {os.getpid() if pid is None else pid}) if found is None else found


def _unit_ticks(root: Path) -> int | None:
    for line in kernel_text(root / "proc/self/cgroup").splitlines():
        group = line.removeprefix("0::/")
        if group != line and _UNIT in group.rpartition("/")[2]:
            return _usage_ticks(kernel_text(root / "sys/fs/cgroup" / group / "cpu.stat"))
    return None


def _usage_ticks(text: str) -> int | None:
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "usage_usec" and value.strip().isdigit():
            return int(value) * os.sysconf("SC_CLK_TCK") // 10**6
    return None
