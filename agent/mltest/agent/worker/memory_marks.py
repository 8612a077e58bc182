"""How much memory this process takes now, as its kernel counts it, and how its peak begins anew.

Source: proc(5) and filesystems/proc.rst of the Linux kernel (smaps_rollup, clear_refs); admin-guide/cgroup-v2.rst.
"""

import ctypes
import gc
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_RESET_PEAK = b"5"
"""Written to clear_refs: the peak of resident memory (VmHWM) becomes what is resident now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMark:
    """Memory at one moment; exact, while the figures of /proc/self/status are estimates since Linux 6.2."""

    rss_bytes: int
    """Resident: pages that are shared with other processes count in full."""
    pss_bytes: int
    """Resident: shared pages are divided among those that share them."""
    swapped_bytes: int
    """Of this process in swap."""


def memory_mark(process: Path = Path("/proc/self")) -> MemoryMark:
    """Return the memory of this process; takes some ms.

    Raises:
        OSError: the kernel does not tell.

    """
    text = (process / "smaps_rollup").read_text()
    kib = {name: int(size) for name, size in re.findall(r"^(Rss|Pss|Swap):\s+(\d+) kB$", text, re.MULTILINE)}
    if not {"Rss", "Pss"} <= kib.keys():
        raise OSError("smaps_rollup has no Rss and Pss")
    return MemoryMark(rss_bytes=kib["Rss"] * 1024, pss_bytes=kib["Pss"] * 1024, swapped_bytes=kib.get("Swap", 0) * 1024)


def give_back_free_memory() -> None:
    """Let the C library give back what calls have freed: it keeps most of it, as if it were still used.

    Other C libraries than glibc have no malloc_trim(3), and allocators of runtimes keep theirs.
    """
    gc.collect()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))


class PeakReset:
    """Lets the peak of this process begin anew; has to be made before the process confines itself."""

    def __init__(self) -> None:
        self._file = -1
        # A confined process must not open it: what cannot be dumped belongs to root, and Landlock grants reading only.
        with suppress(OSError):
            self._file = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """Let it begin now.

        Raises:
            OSError: it cannot.

        """
        if self._file < 0:
            raise OSError("/proc/self/clear_refs cannot be opened")
        os.write(self._file, _RESET_PEAK)


def control_group_peak_bytes(root: Path = Path("/"), pid: int | None = None) -> int:
    """Return the peak of the control group that this process has to itself; page cache and children count.

    Raises:
        OSError: there is no such group, or it does not tell; the message is for people.

    """
    path = re.search(r"^0::/(.*)$", _read(root / "proc/self/cgroup"), re.MULTILINE)
    if path is None:
        raise OSError("there is no control group of version 2")
    folder = root / "sys/fs/cgroup" / path.group(1)
    if _read(folder / "cgroup.procs").split() != [str(pid or os.getpid())]:
        raise OSError("the worker has no control group of its own; Delegate=memory and the worker unit give it one")
    peak = _read(folder / "memory.peak").strip()
    if not peak.isdigit():
        raise OSError("its control group has no memory.peak (Linux 5.19, with the memory controller)")
    return int(peak)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
