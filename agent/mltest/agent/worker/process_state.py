"""What the kernel says of this process, its memory and its threads, and on which processor it runs."""

import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

POOL_LIBRARIES = re.compile(r"/lib(?:openblas|scipy_openblas|gomp|omp|iomp5|mkl_rt|tbb|blis)[^/]*$")
"""Libraries that keep threads of their own; each number of threads is set for each of them."""
WORKING_SHARE = 0.01
"""A thread with less than that share of the processor time of the busiest does not work: a runtime's housekeeper."""
WORKING_NS = 1_000_000
"""Nor does one with less than this: that of ONNX Runtime takes a fifth of it when it first wakes up, however late."""
LEAVING_S = 0.05
"""Threads that have been told to end take a moment."""

ThreadTimes = Mapping[int, int]
"""Processor time of each thread so far in ns, by its id."""


def memory_bytes(key: str) -> int:
    """Return a figure of proc(5), /proc/pid/status, which is in units of 1024 bytes: VmRSS, VmHWM.

    Raises:
        OSError: there is no such figure.

    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def thread_times() -> ThreadTimes:
    """Return the processor time of each thread of this process."""
    return {int(folder.name): _time_ns(folder) for folder in Path("/proc/self/task").iterdir()}


def working_thread_count(before: ThreadTimes) -> int:
    """Return how many threads that are still there have worked since `before`, the main one included."""
    after = thread_times()
    if len(after) > 1:
        time.sleep(LEAVING_S)
        after = {thread: after[thread] for thread in thread_times() if thread in after}
    return count_working(before, after)


def count_working(before: ThreadTimes, after: ThreadTimes) -> int:
    """Return how many threads had a hundredth of the time of the busiest, and a millisecond; at least one. Pure."""
    gains_ns = [time_ns - before.get(thread, 0) for thread, time_ns in after.items()]
    least_ns = max(WORKING_SHARE * max(gains_ns, default=0), WORKING_NS)
    return max(sum(gain_ns > least_ns for gain_ns in gains_ns), 1)


def pool_count() -> int:
    """Return how many libraries with threads of their own are loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return len({line.split()[-1] for line in lines if POOL_LIBRARIES.search(line)})


def largest_pool() -> int:
    """Return the number of threads of the largest pool that threadpoolctl sees; 0 where nobody has imported it."""
    threadpoolctl: Any = sys.modules.get("threadpoolctl")
    pools = threadpoolctl.threadpool_info() if threadpoolctl else []
    return max((pool["num_threads"] for pool in pools), default=0)


def go_to_processor(cpu: int) -> None:
    """Move the calling thread to a processor; the kernel may move it on, where others want that one.

    Nothing happens if this process may not use it.
    """
    allowed = os.sched_getaffinity(0)
    if cpu in allowed:
        os.sched_setaffinity(0, {cpu})
        os.sched_setaffinity(0, allowed)


def _time_ns(folder: Path) -> int:
    """Return the time of one thread; 0 if it ended meanwhile."""
    try:
        # proc(5): the first number of schedstat is in ns; a kernel without it has ticks, fields 14 and 15 of stat.
        if (schedstat := folder / "schedstat").exists():
            return int(schedstat.read_text().split()[0])
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK")
