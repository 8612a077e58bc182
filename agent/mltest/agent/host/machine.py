"""The whole machine."""

import os
import re
from pathlib import Path

from mltest.agent.host.cpu import read_cpu
from mltest.agent.host.emulation import read_emulator
from mltest.agent.host.gpus import read_gpus
from mltest.agent.host.kernel_file import kernel_text
from mltest.shared.domain import HostInfo


def read_host(root: Path = Path("/")) -> HostInfo:
    """Return the machine whose file system starts at `root`; what cannot be read is absent, never fatal."""
    cpu = read_cpu(root)
    return HostInfo(
        architecture=os.uname().machine,
        cpu_model=cpu.model,
        cpu_features=cpu.features,
        physical_cores=cpu.physical_cores,
        logical_cores=cpu.logical_cores,
        memory_bytes=_memory_bytes(root),
        os=_os(root),
        kernel=kernel_text(root / "proc/sys/kernel/osrelease").strip() or os.uname().release,
        gpus=read_gpus(root),
        emulator=read_emulator(root, os.uname().machine),
    )


def _memory_bytes(root: Path) -> int:
    # proc(5): "MemTotal:  16384 kB", in units of 1024 bytes.
    found = re.search(r"^MemTotal:\s+(\d+) kB", kernel_text(root / "proc/meminfo"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def _os(root: Path) -> str:
    # os-release(5)
    text = kernel_text(root / "etc/os-release") or kernel_text(root / "usr/lib/os-release")
    found = re.search(r"^PRETTY_NAME=[\"']?(.*?)[\"']?$", text, re.MULTILINE)
    return found.group(1) if found else os.uname().sysname
