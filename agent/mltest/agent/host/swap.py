"""What lies in swap, and what goes there or comes back."""

import os
import re
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text


def swap_used_bytes(root: Path) -> int | None:
    """Return how much is swapped out; None where /proc/meminfo does not say. Source: proc(5)."""
    meminfo = kernel_text(root / "proc/meminfo")
    kib = dict(re.findall(r"^(Swap(?:Total|Free)):\s+(\d+) kB$", meminfo, re.MULTILINE))
    return (int(kib["SwapTotal"]) - int(kib["SwapFree"])) * 1024 if len(kib) == 2 else None


def swapped_bytes(root: Path) -> int | None:
    """Return what went out and came back since the machine started; None where /proc/vmstat does not say."""
    pages = re.findall(r"^pswp(?:in|out) (\d+)$", kernel_text(root / "proc/vmstat"), re.MULTILINE)
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE") if len(pages) == 2 else None
