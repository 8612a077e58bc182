"""NVIDIA GPUs by NVML: the energy counter where the GPU has one (since Volta), else its power.

Source: NVIDIA, nvml.h. The package is nvidia-ml-py; its module is called pynvml.
"""

import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from mltest.agent.meters.nvml_sensors import sensor_of
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError

NAME = "nvml"
_GAIN_U_RATIO = 0.08 / 3**0.5
"""Within 8 % of a power meter, whichever card (SC24); it cancels in comparisons on the same card."""
_FLOOR_S = 5.0
_MILLI = 1e-3
_SIGNS = ("proc/driver/nvidia/version", "dev/nvidiactl")
_PACKAGE = "pip install 'mltest-fleet[meters-nvml]'"
_DRIVER_REMEDY = "nvidia-smi on this machine says what is wrong with the driver"
_MIG_ON = 1


@meter_kind
class Nvml:
    """Finds GPUs of NVIDIA."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for each GPU."""
        if not any((site.root / sign).exists() for sign in _SIGNS):
            return [Unavailable(meter=NAME, reason="the NVIDIA driver is not loaded")]
        try:
            library = import_module("pynvml")
        except ImportError:
            return [Unavailable(meter=NAME, reason="the package nvidia-ml-py is not installed", remedy=_PACKAGE)]
        try:
            library.nvmlInit()
            count = library.nvmlDeviceGetCount()
        except library.NVMLError as error:
            return [Unavailable(meter=NAME, reason=f"NVML says: {error}", remedy=_DRIVER_REMEDY)]
        found = [_meter_or_why(library, index) for index in range(count)]
        return found or [Unavailable(meter=NAME, reason="NVML knows no GPU")]


class NvmlMeter:
    """One GPU."""

    def __init__(self, library: Any, index: int, *, is_counter: bool, name: str, architecture: int | None) -> None:
        self._library = library
        self._index = index
        self._domain = f"gpu.{index}"
        self._is_counter = is_counter
        self._handle: Any = None
        sensor = sensor_of(name, architecture)
        self.spec = MeterSpec(
            meter=NAME,
            source=f"{name}, {'energy counter' if is_counter else 'power'} of NVML",
            kind=MeterKind.COUNTER if is_counter else MeterKind.POWER,
            domains=(Domain(id=self._domain, scope=Scope.GPU, resolution=_MILLI),),
            update_s=sensor.update_s,
            averaging_s=0.0 if is_counter else sensor.power_averaging_s,
            coverage_ratio=sensor.coverage_ratio,
            gain_u_ratio=_GAIN_U_RATIO,
            floor_s=_FLOOR_S,
            note=_note(sensor.coverage_ratio),
        )

    def open(self) -> None:
        """Get the handle of the GPU."""
        try:
            self._library.nvmlInit()
            self._handle = self._library.nvmlDeviceGetHandleByIndex(self._index)
        except self._library.NVMLError as error:
            raise self._unreadable(error) from error

    def read(self) -> Reading:
        """Return the counter in joules, or the power in watts."""
        if self._handle is None:
            raise MeterUnreadableError(meter=NAME, detail="it is not open")
        begin_ns = time.monotonic_ns()
        try:
            if self._is_counter:
                number = self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle)
            else:
                number = self._library.nvmlDeviceGetPowerUsage(self._handle)
        except self._library.NVMLError as error:
            raise self._unreadable(error) from error
        return Reading(begin_ns=begin_ns, end_ns=time.monotonic_ns(), values={self._domain: number * _MILLI})

    def close(self) -> None:
        """Let go of the GPU."""
        self._handle = None

    def _unreadable(self, error: Exception) -> MeterUnreadableError:
        return MeterUnreadableError(meter=f"{NAME} ({self._domain})", detail=f"NVML says: {error}")


def _meter_or_why(library: Any, index: int) -> Meter | Unavailable:
    """Return one GPU; one that is lost does not take the others with it."""
    try:
        return _meter(library, index)
    except library.NVMLError as error:
        return Unavailable(meter=NAME, reason=f"gpu.{index}: NVML says: {error}", remedy=_DRIVER_REMEDY)


def _meter(library: Any, index: int) -> Meter | Unavailable:
    handle = library.nvmlDeviceGetHandleByIndex(index)
    name = _text(library.nvmlDeviceGetName(handle))
    if _or_none(library, library.nvmlDeviceGetMigMode, handle, default=[0, 0])[0] == _MIG_ON:
        reason = f"gpu.{index}: MIG is on, and energy is counted for the whole GPU with all of its tenants"
        return Unavailable(meter=NAME, reason=reason, remedy=f"sudo nvidia-smi -i {index} -mig 0")
    is_counter = _or_none(library, library.nvmlDeviceGetTotalEnergyConsumption, handle) is not None
    if not is_counter and _or_none(library, library.nvmlDeviceGetPowerUsage, handle) is None:
        return Unavailable(meter=NAME, reason=f"gpu.{index}: {name} tells neither energy nor power")
    architecture = _or_none(library, library.nvmlDeviceGetArchitecture, handle)
    return NvmlMeter(library, index, is_counter=is_counter, name=name, architecture=architecture)


def _or_none(library: Any, call: Any, handle: Any, default: Any = None) -> Any:
    """Return what NVML says, or `default` where this GPU or driver has no such call."""
    try:
        return call(handle)
    except library.NVMLError:
        return default


def _text(name: str | bytes) -> str:
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    return " ".join(text.split())[:100]


def _note(coverage_ratio: float) -> str:
    if coverage_ratio >= 1:
        return ""
    return f"its sensor sees {coverage_ratio:.0%} of the time: loads that repeat in tens of ms need more windows"
