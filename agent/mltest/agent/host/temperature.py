"""How hot the machine is, by its own sensors."""

from collections.abc import Iterable
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number

_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal", "amdgpu", "tegra", "scpi_sensors")
"""Drivers in /sys/class/hwmon that sit on the processor; disks and unconnected inputs of main boards are no matter."""
_FAKES = ("pmic", "iwlwifi", "battery")
"""Zones that say nothing of the processor; the one of Jetson's power chip is a constant 100 degrees."""
_PLAUSIBLE_CELSIUS = (-40.0, 150.0)


def read_temperature_celsius(root: Path) -> float | None:
    """Return the hottest sensor of the processor; None where none can be read.

    Source: driver-api/thermal/sysfs-api.rst and hwmon/sysfs-interface.rst of the Linux kernel; both in 1/1000 degrees.
    """
    readings = [millidegrees / 1e3 for path in _sensors(root) if (millidegrees := kernel_number(path)) is not None]
    lowest, highest = _PLAUSIBLE_CELSIUS
    return max((celsius for celsius in readings if lowest < celsius < highest), default=None)


def _sensors(root: Path) -> Iterable[Path]:
    for zone in (root / "sys/class/thermal").glob("thermal_zone*"):
        if not any(fake in kernel_line(zone / "type").lower() for fake in _FAKES):
            yield zone / "temp"
    for chip in (root / "sys/class/hwmon").glob("hwmon*"):
        if kernel_line(chip / "name").startswith(_CHIPS):
            yield from chip.glob("temp*_input")
