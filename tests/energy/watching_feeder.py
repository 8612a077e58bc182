"""A program that plays the kernel: a counter of powercap goes faster while a descendant of an agent is running.

`python watching_feeder.py COUNTER IDLE_W LOAD_W START_UJ RANGE_UJ AGENT_PID`. Power is LOAD_W while any process below
the agent runs or wants to, by its state in /proc, else IDLE_W; it ends when its input does.
"""

import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD_S = 1e-3
DIGITS = 20
_LOOK_NS = 20_000_000


def main() -> None:
    """Count until standard input is closed."""
    path, idle_w, load_w, start_uj, range_uj, agent = sys.argv[1], *map(float, sys.argv[2:6]), int(sys.argv[6])
    descriptor = os.open(path, os.O_WRONLY)
    energy_uj, workers, looked_ns = start_uj, [], 0
    before_ns = time.monotonic_ns()
    while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
        now_ns = time.monotonic_ns()
        if now_ns - looked_ns > _LOOK_NS:
            workers, looked_ns = list(descendants(agent)), now_ns
        power_w = load_w if any(map(is_running, workers)) else idle_w
        energy_uj += power_w * (now_ns - before_ns) / 1e3
        before_ns = now_ns
        os.pwrite(descriptor, f"{int(energy_uj % (range_uj + 1)):<{DIGITS}d}\n".encode(), 0)


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one. Source: proc(5), /proc/PID/task/TID/children."""
    try:
        children = [
            int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


def is_running(pid: int) -> bool:
    """Return whether a process runs, or waits for a processor."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):
        return False


if __name__ == "__main__":
    main()
