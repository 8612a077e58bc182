"""How the power sensors of NVIDIA's GPUs behave. Pure.

Source: Yang, Adamek, Armour, "Part-time power measurements" (SC24, arXiv 2312.02741) and its data; that the energy
counter shares the sensor is inferred.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NvmlSensor:
    """One kind of GPU."""

    update_s: float
    window_s: float
    """Part of each period that the sensor sees."""
    power_averaging_s: float
    """What nvmlDeviceGetPowerUsage is the mean of; 0 for what it is now."""

    @property
    def coverage_ratio(self) -> float:
        """Share of the time that it sees."""
        return self.window_s / self.update_s


PART_TIME = NvmlSensor(update_s=0.1, window_s=0.025, power_averaging_s=0.0)
"""A100 and H100; also taken for what nobody has measured."""
_PASCAL_VOLTA = NvmlSensor(update_s=0.02, window_s=0.01, power_averaging_s=0.0)
_QUADRO_TURING = NvmlSensor(update_s=0.1, window_s=0.02, power_averaging_s=0.0)
_TURING = NvmlSensor(update_s=0.1, window_s=0.1, power_averaging_s=0.0)
_AMPERE_AND_LATER = NvmlSensor(update_s=0.1, window_s=0.1, power_averaging_s=1.0)
_HOPPER = NvmlSensor(update_s=0.1, window_s=0.025, power_averaging_s=1.0)

_GA100 = ("A100", "A30", "A800", "CMP 170HX")


def sensor_of(name: str, architecture: int | None) -> NvmlSensor:
    """Return the sensor of a GPU, by its product name and NVML_DEVICE_ARCH_* (nvml.h): Pascal is 4, Hopper 9."""
    words = name.replace("-", " ").split()
    match architecture:
        case 4 | 5:
            return _PASCAL_VOLTA
        case 6:
            return _TURING if "GeForce" in words else _QUADRO_TURING
        case 7:
            return PART_TIME if any(word in words for word in _GA100) else _AMPERE_AND_LATER
        case 8:
            return _AMPERE_AND_LATER
        case _:
            return _HOPPER
