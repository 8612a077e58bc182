"""The peak of a worker is its own, and not that of the process that started it."""

import subprocess
import sys

_ASK = "from mltest.agent.worker.process_state import memory_bytes; print(memory_bytes('VmHWM'))"
_MIB = 1024 * 1024


def test_a_small_process_of_a_large_parent_is_small() -> None:
    # getrusage(2) hands the peak of the parent on to the child (ru_maxrss): 200 MiB here.
    ballast = b"\1" * (200 * _MIB)

    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)

    assert len(ballast) > int(done.stdout) > 4 * _MIB
