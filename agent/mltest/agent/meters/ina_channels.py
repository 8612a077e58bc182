"""Channels of INA3221 and INA238 power monitors in the kernel's files.

Source: Linux, Documentation/hwmon/{ina3221,ina238}.rst (JetPack 5 and later), NVIDIA's ina3221x driver (JetPack 4).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number
from mltest.agent.meters.ina_boards import is_rail

_SHUNT_STEP_V = 40e-6
"""Of INA3221, 13 bits; its data sheet."""
_SHUNT_OFFSET_V = 80e-6
"""At most; its data sheet."""
_FINE_STEP_V, _FINE_OFFSET_V = 5e-6, 5e-6
"""Of INA238, 16 bits; its data sheet."""
_DEFAULT_SHUNT_OHM = 5e-3
_DEFAULT_RAIL_V = 5.0
_JETPACK4_STEP_W = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One rail: its power is either in one file, or the product of two."""

    label: str
    power: Path | None = None
    """Power in units of `power_unit_w`."""
    power_unit_w: float = 1e-6
    voltage: Path | None = None
    """Millivolts."""
    current: Path | None = None
    """Milliamperes."""
    step_w: float
    offset_u_w: float
    update_s: float | None
    """None where the driver does not say."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is read for it."""
        return tuple(path for path in (self.power, self.voltage, self.current) if path is not None)


def find_channels(root: Path) -> tuple[Channel, ...]:
    """Return every rail of the machine; of two with one label, the first."""
    drivers = root / "sys/bus/i2c/drivers"
    found: dict[str, Channel] = {}
    for channel in (*_ina3221(drivers), *_ina3221x(drivers), *_ina238(drivers)):
        found.setdefault(channel.label, channel)
    return tuple(found.values())


def _ina3221(drivers: Path) -> Iterator[Channel]:
    for chip in sorted((drivers / "ina3221").glob("*/hwmon/hwmon*")):
        update_ms = kernel_number(chip / "update_interval")
        for label_file in sorted(chip.glob("in*_label")):
            number, label = re.sub(r"\D", "", label_file.name), kernel_line(label_file)
            if not is_rail(label) or not (chip / f"curr{number}_input").exists():
                continue
            if kernel_number(chip / f"in{number}_enable") == 0:
                continue
            volts = (kernel_number(chip / f"in{number}_input") or 0) / 1e3 or _DEFAULT_RAIL_V
            ohms = (kernel_number(chip / f"shunt{number}_resistor") or 0) / 1e6 or _DEFAULT_SHUNT_OHM
            yield Channel(
                label=label,
                voltage=chip / f"in{number}_input",
                current=chip / f"curr{number}_input",
                step_w=_SHUNT_STEP_V / ohms * volts,
                offset_u_w=_SHUNT_OFFSET_V / ohms * volts / 3**0.5,
                update_s=update_ms / 1e3 if update_ms else None,
            )


def _ina3221x(drivers: Path) -> Iterator[Channel]:
    for chip in sorted((drivers / "ina3221x").glob("*/iio:device*")):
        for label_file in sorted(chip.glob("rail_name_*")):
            number, label = re.sub(r"\D", "", label_file.name), kernel_line(label_file)
            if not is_rail(label) or not (chip / f"in_power{number}_input").exists():
                continue
            volts = (kernel_number(chip / f"in_voltage{number}_input") or 0) / 1e3 or _DEFAULT_RAIL_V
            step_w = _SHUNT_STEP_V / _DEFAULT_SHUNT_OHM * volts
            yield Channel(
                label=label,
                power=chip / f"in_power{number}_input",
                power_unit_w=1e-3,
                step_w=max(step_w, _JETPACK4_STEP_W),
                offset_u_w=_SHUNT_OFFSET_V / _DEFAULT_SHUNT_OHM * volts / 3**0.5,
                update_s=None,
            )


def _ina238(drivers: Path) -> Iterator[Channel]:
    for chip in sorted((drivers / "ina238").glob("*/hwmon/hwmon*")):
        label = kernel_line(chip / "label") or kernel_line(chip / "power1_label") or kernel_line(chip / "in1_label")
        if not is_rail(label) or not (chip / "power1_input").exists():
            continue
        volts = (kernel_number(chip / "in1_input") or 0) / 1e3 or _DEFAULT_RAIL_V
        ohms = (kernel_number(chip / "shunt_resistor") or 0) / 1e6 or _DEFAULT_SHUNT_OHM
        update_ms = kernel_number(chip / "update_interval")
        yield Channel(
            label=label,
            power=chip / "power1_input",
            step_w=_FINE_STEP_V / ohms * volts,
            offset_u_w=_FINE_OFFSET_V / ohms * volts / 3**0.5,
            update_s=update_ms / 1e3 if update_ms else None,
        )
