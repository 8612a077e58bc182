"""What GPUs of NVIDIA were like between two moments, by NVML; what it does not tell is absent, and never fatal.

Source: NVIDIA, nvml.h. The package is nvidia-ml-py; its module is called pynvml.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mltest.agent.host.processor_time import process_tree
from mltest.shared.domain import GpuState

HEAT, POWER_LIMIT = "heat", "power limit"
DRIVER_FILE = "proc/driver/nvidia/version"
_REASONS = {0x4: POWER_LIMIT, 0x8: "hardware slowdown", 0x20: HEAT, 0x40: HEAT, 0x80: "power brake"}
"""NVML_CLOCKS_EVENT_REASON_*."""
_POLICY_POWER, _POLICY_HEAT = 0, 1
"""NVML_PERF_POLICY_*, whose time of violation NVML counts."""
_CLOCK_SM, _CLOCK_MEMORY = 1, 2
_MIG_ON = 1
_MAX_CHARS = 100


@dataclass(frozen=True, slots=True)
class _Reading:
    reasons: frozenset[str]
    violated_ns: tuple[int | None, int | None]
    """To keep the power limit, and by heat."""
    foreign: frozenset[int]


class GpuWatch:
    """Reads at its making and at its end; counters in between miss nothing."""

    def __init__(self, root: Path, own_pids: Collection[int]) -> None:
        self._root = root
        self._library: Any = _library() if (root / DRIVER_FILE).exists() else None
        self._before = self._readings(own_pids)

    def end(self, own_pids: Collection[int]) -> tuple[GpuState, ...]:
        """Return what each GPU was like; none where there is none, or no NVML."""
        after = self._readings(own_pids)
        return tuple(
            self._state(index, self._before[index], found) for index, found in after.items() if index in self._before
        )

    def _readings(self, own_pids: Collection[int]) -> dict[int, _Reading]:
        library = self._library
        count = self._told(library.nvmlDeviceGetCount) if library else None
        return {index: self._reading(index, own_pids) for index in range(count or 0)}

    def _reading(self, index: int, own_pids: Collection[int]) -> _Reading:
        library, handle = self._library, self._handle(index)
        bits = self._told(library.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
        violations = [
            self._told(library.nvmlDeviceGetViolationStatus, handle, policy) for policy in (_POLICY_POWER, _POLICY_HEAT)
        ]
        power, heat = (None if found is None else int(found.violationTime) for found in violations)
        running = self._told(library.nvmlDeviceGetComputeRunningProcesses, handle) or []
        own = process_tree(self._root, own_pids)
        return _Reading(
            reasons=frozenset(cause for bit, cause in _REASONS.items() if bits & bit),
            violated_ns=(power, heat),
            foreign=frozenset(process.pid for process in running) - own,
        )

    def _state(self, index: int, before: _Reading, after: _Reading) -> GpuState:
        library, handle = self._library, self._handle(index)
        power_ns, heat_ns = map(_gain, before.violated_ns, after.violated_ns)
        counted = {POWER_LIMIT: power_ns, HEAT: heat_ns}
        mhz = [self._told(library.nvmlDeviceGetClockInfo, handle, kind) for kind in (_CLOCK_SM, _CLOCK_MEMORY)]
        clock_hz, memory_clock_hz = (None if found is None else found * 1e6 for found in mhz)
        return GpuState(
            index=index,
            name=_text(self._told(library.nvmlDeviceGetName, handle)),
            driver_version=_text(self._told(library.nvmlSystemGetDriverVersion)),
            clock_hz=clock_hz,
            memory_clock_hz=memory_clock_hz,
            throttle_causes=tuple(sorted({*after.reasons, *(cause for cause, ns in counted.items() if ns)})),
            power_capped_ns=power_ns,
            heat_capped_ns=heat_ns,
            foreign_process_count=len(before.foreign | after.foreign),
            is_divided=(self._told(library.nvmlDeviceGetMigMode, handle) or [0])[0] == _MIG_ON,
        )

    def _handle(self, index: int) -> Any:
        return self._told(self._library.nvmlDeviceGetHandleByIndex, index)

    def _told(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what NVML says; None where this GPU or driver does not say it."""
        try:
            return call(*arguments)
        except (self._library.NVMLError, self._library.NVMLLibraryMismatchError):
            return None


def _library() -> Any:
    """Return NVML, ready to be asked; None where it is not installed or does not start."""
    try:
        library = import_module("pynvml")
    except ImportError:
        return None
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


def _gain(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def _text(name: str | bytes | None) -> str:
    text = name.decode(errors="replace") if isinstance(name, bytes) else name or ""
    return " ".join(text.split())[:_MAX_CHARS]
