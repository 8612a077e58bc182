"""The memory of one candidate in a process that only loads it and lets it answer.

Marks: imports done; loaded; warmed up (then the peak begins anew); behind each of twenty equal parts of the calls.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mltest.agent.worker.memory_marks import (
    MemoryMark,
    PeakReset,
    control_group_peak_bytes,
    give_back_free_memory,
    memory_mark,
)
from mltest.agent.worker.process_state import memory_bytes
from mltest.shared.children.frames import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS = 20
WARM_CALLS = 20
MAX_CALLS = 100_000
DEPLOY_PEAK, MODEL, INFERENCE = "memory_deploy_peak_bytes", "memory_model_bytes", "memory_inference_bytes"
SWAPPED, CONTROL_GROUP = "memory_swapped_bytes", "memory_cgroup_peak_bytes"
GPU_ALLOCATED, GPU_RESERVED = "memory_gpu_allocated_bytes", "memory_gpu_reserved_bytes"


class Footprint:
    """Make it before the process confines itself."""

    def __init__(self) -> None:
        self._reset = PeakReset()
        self._marks: dict[str, MemoryMark] = {}

    def mark(self, name: str) -> None:
        """Remember the memory of now as `name`: imported, loaded."""
        self._marks[name] = memory_mark()

    def measured(
        self, predict: Callable[..., object], batches: "Sequence[NDArray[np.floating]]", calls: int, duration_ns: int
    ) -> Frame:
        """Make calls and return what they took.

        Args:
            predict: the candidate's call.
            batches: what it is called with, in turn.
            calls: at least so many, rounded up to whole parts.
            duration_ns: and as many as take so long.

        """
        values: dict[str, int] = {}
        absent: dict[str, str] = {}
        part = _calls_of_part(_warm_call_ns(predict, batches), calls, duration_ns)
        give_back_free_memory()
        life_bytes = memory_bytes("VmHWM")
        begin = memory_mark()
        try:
            self._reset.reset()
        except OSError as error:
            absent[INFERENCE] = str(error)
        rss = [begin.rss_bytes]
        for number in range(PARTS):
            for index in range(number * part, (number + 1) * part):
                predict(batches[index % len(batches)])
            end = memory_mark()
            rss.append(end.rss_bytes)
        peak_bytes = memory_bytes("VmHWM")
        if INFERENCE not in absent:
            # The peak is an estimate, and may be some pages below what was exactly there.
            values[INFERENCE] = max(0, peak_bytes - begin.rss_bytes)
        values[DEPLOY_PEAK] = max(life_bytes, peak_bytes)
        values[MODEL] = max(0, self._marks["loaded"].pss_bytes - self._marks["imported"].pss_bytes)
        values[SWAPPED] = end.swapped_bytes
        _add_control_group(values, absent)
        values |= _of_framework()
        return {"values": values, "absent": absent, "rss": rss, "calls_per_mark": part}


def _warm_call_ns(predict: Callable[..., object], batches: "Sequence[NDArray[np.floating]]") -> int:
    """Return the time of a call, after some that warm up; of slow ones few are enough."""
    begin_ns = time.perf_counter_ns()
    for index in range(WARM_CALLS):
        call_begin_ns = time.perf_counter_ns()
        predict(batches[index % len(batches)])
        end_ns = time.perf_counter_ns()
        if index >= 2 and end_ns - begin_ns > 1_000_000_000:
            break
    return max(1, end_ns - call_begin_ns)


def _calls_of_part(call_ns: int, calls: int, duration_ns: int) -> int:
    wanted = min(max(calls, duration_ns // call_ns), MAX_CALLS)
    return -(-wanted // PARTS)


def _add_control_group(values: dict[str, int], absent: dict[str, str]) -> None:
    try:
        values[CONTROL_GROUP] = control_group_peak_bytes()
    except OSError as error:
        absent[CONTROL_GROUP] = str(error)


def _of_framework() -> dict[str, int]:
    """Return what PyTorch's allocator took of GPUs at most; nothing where it is not used on one."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return {}
    devices = range(torch.cuda.device_count())
    return {
        GPU_ALLOCATED: sum(int(torch.cuda.max_memory_allocated(index)) for index in devices),
        GPU_RESERVED: sum(int(torch.cuda.max_memory_reserved(index)) for index in devices),
    }
