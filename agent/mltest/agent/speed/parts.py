"""The parts of the work, in C where the machine has a compiler, else in Python; for its own processes only."""

import ctypes
import time
from array import array
from collections.abc import Callable
from pathlib import Path

PARTS = ("integer", "float", "memory")
ANSWERS = (129_492_666_131_444, 8, 125_568)
"""What the parts in C have to say; another answer is a machine, or a compiler, that computes wrongly."""

Part = Callable[[], int]
"""Does the part once and returns how long it took, in ns."""


def parts_in_c(library: Path) -> dict[str, Part]:
    """Return the parts that are in the compiled `library`.

    Raises:
        OSError: it cannot be loaded.

    """
    loaded = ctypes.CDLL(str(library))
    loaded.mltest_speed_part.restype = ctypes.c_uint64
    loaded.mltest_speed_prepare()

    def part(number: int) -> Part:
        def once() -> int:
            answer = ctypes.c_uint64()
            took_ns = int(loaded.mltest_speed_part(number, ctypes.byref(answer)))
            if answer.value != ANSWERS[number]:
                raise ArithmeticError(f"the {PARTS[number]} part says {answer.value}, not {ANSWERS[number]}")
            return took_ns

        return once

    return {name: part(number) for number, name in enumerate(PARTS)}


def parts_in_python() -> dict[str, Part]:
    """Return parts for a machine without a compiler: the canary's work stands for memory."""
    from mltest.agent.host.canary import prepared_canary

    works = prepared_canary(1, 0)
    floats = array("d", range(4096))

    def memory() -> int:
        return min(works())

    def integer() -> int:
        begin_ns, state, total = time.perf_counter_ns(), 2463534242, 0
        for _ in range(4000):
            state = (state ^ state << 13) & 0xFFFFFFFF
            state ^= state >> 17
            total ^= state
        return time.perf_counter_ns() - begin_ns

    def float_() -> int:
        begin_ns, total = time.perf_counter_ns(), 0.0
        for value in floats:
            total = total * 0.5 + value
        return time.perf_counter_ns() - begin_ns

    return {"integer": integer, "float": float_, "memory": memory}
