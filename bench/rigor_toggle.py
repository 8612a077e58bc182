"""Stops and continues a process again and again, and says when: run as a process of its own, so as not to be timed."""

import os
import random
import signal
import sys
import time
from contextlib import suppress

SHORTEST_S, LONGEST_S = 0.1, 0.2


def main() -> None:
    """Toggle the process whose number is the first argument until SIGTERM; it runs in the end.

    For each change, a line with CLOCK_MONOTONIC in ns and 1 (runs) or 0 (is stopped) goes to standard output.
    """
    pid, generator, is_running = int(sys.argv[1]), random.Random(int(sys.argv[2])), True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Ctrl-C is for whoever started this, who ends it then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            is_running = not is_running
            os.kill(pid, signal.SIGCONT if is_running else signal.SIGSTOP)
            print(time.monotonic_ns(), int(is_running), flush=True)
            time.sleep(generator.uniform(SHORTEST_S, LONGEST_S))
    except ProcessLookupError:
        return
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
