"""NVIDIA GPUs: from nvidia-smi, else from the driver's files, else (Jetson) from the device tree."""

import re
import subprocess
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text
from mltest.shared.domain import Gpu

_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_TIMEOUT_S = 20.0
_MIB = 1024 * 1024


def read_gpus(root: Path) -> tuple[Gpu, ...]:
    """Return the GPUs of the machine whose file system starts at `root`; none where nothing is found."""
    return gpus_from_query(_query()) or _from_driver(root / "proc/driver/nvidia") or _from_device_tree(root)


def gpus_from_query(text: str) -> tuple[Gpu, ...]:
    """Return the GPUs in the answer of nvidia-smi; a figure that it does not know ("[N/A]") is absent."""
    rows = [[field.strip() for field in line.split(",")] for line in text.splitlines()]
    return tuple(
        Gpu(
            name=name,
            memory_bytes=int(memory_mib) * _MIB if memory_mib.isdigit() else None,
            driver_version="" if driver.startswith("[") else driver,
        )
        for name, memory_mib, driver in (row for row in rows if len(row) == 3)
    )


def _query() -> str:
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _from_driver(folder: Path) -> tuple[Gpu, ...]:
    version = re.search(r"Kernel Module\s+(\S+)", kernel_text(folder / "version"))
    names = (re.search(r"Model:\s*(.+)", kernel_text(path)) for path in sorted(folder.glob("gpus/*/information")))
    return tuple(
        Gpu(name=name.group(1).strip(), driver_version=version.group(1) if version else "") for name in names if name
    )


def _from_device_tree(root: Path) -> tuple[Gpu, ...]:
    if "nvidia,tegra" not in kernel_text(root / "proc/device-tree/compatible"):
        return ()
    board = kernel_text(root / "proc/device-tree/model").strip("\0 \n") or "Tegra"
    return (Gpu(name=f"{board} (integrated)"),)
