"""A program that plays the kernel: it keeps a counter of powercap up to date, a thousand times a second.

`python feeder.py COUNTER IDLE_W LOAD_W START_UJ RANGE_UJ`. It obeys lines on standard input: `load`, `idle`; each is
answered when it holds. When its input ends it prints the longest time between two updates, in nanoseconds.
"""

import os
import select
import sys
import time

PERIOD_S = 1e-3
DIGITS = 20
"""The counter is rewritten in place, so that whoever has it open sees the new number and never a part of it."""


def main() -> None:
    """Count until standard input is closed."""
    path, idle_w, load_w, start_uj, range_uj = sys.argv[1], *map(float, sys.argv[2:])
    descriptor = os.open(path, os.O_WRONLY)
    energy_uj, power_w, longest_ns = start_uj, idle_w, 0
    before_ns = time.monotonic_ns()
    while True:
        is_asked = bool(select.select([sys.stdin], [], [], PERIOD_S)[0])
        now_ns = time.monotonic_ns()
        longest_ns = max(longest_ns, now_ns - before_ns)
        energy_uj += power_w * (now_ns - before_ns) / 1e3
        before_ns = now_ns
        os.pwrite(descriptor, f"{int(energy_uj % (range_uj + 1)):<{DIGITS}d}\n".encode(), 0)
        if is_asked:
            word = sys.stdin.readline().strip()
            if not word:
                break
            power_w = load_w if word == "load" else idle_w
            os.write(1, b"ok\n")
    os.write(1, f"{longest_ns}\n".encode())


if __name__ == "__main__":
    main()
