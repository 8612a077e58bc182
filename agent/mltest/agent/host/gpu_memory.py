"""Memory of GPUs that processes take, as the driver counts it."""

import re
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from mltest.agent.host.gpu_watch import DRIVER_FILE
from mltest.agent.host.kernel_file import kernel_text
from mltest.agent.host.processor_time import process_tree


def process_gpu_bytes(root: Path, pids: Collection[int]) -> int | None:
    """Return what `pids` and their descendants take of GPUs by NVML: context, libraries and data.

    None where there is no driver or no NVML, where none of them uses a GPU, or where NVML does not tell.
    """
    if not (root / DRIVER_FILE).exists():
        return None
    try:
        library = import_module("pynvml")
    except ImportError:
        return None
    tree = process_tree(root, pids)
    try:
        library.nvmlInit()
        handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
        running = [one for handle in handles for one in library.nvmlDeviceGetComputeRunningProcesses(handle)]
    except (library.NVMLError, library.NVMLLibraryMismatchError):
        return None
    used = [process.usedGpuMemory for process in running if process.pid in tree]
    return None if not used or None in used else sum(used)


def shared_gpu_bytes(root: Path) -> int | None:
    """Return what the GPU of a Jetson has taken of the machine's memory; None elsewhere. No process has it in its RSS.

    Source: NvMapMemUsed in /proc/meminfo of NVIDIA's kernels.
    """
    found = re.search(r"^NvMapMemUsed:\s+(\d+) kB$", kernel_text(root / "proc/meminfo"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None
