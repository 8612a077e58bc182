"""Power sensors of hwmon, by an allow-list: numbers of hwmon devices move, so they are told by name and label.

Source: Linux, Documentation/hwmon/sysfs-interface.rst: power in microwatts, energy in microjoules.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number
from mltest.agent.meters.file_numbers import FileNumbers, why_not
from mltest.agent.meters.hwmon_chips import KnownChip, KnownLabel, known_chip, known_label, label_of
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec, Origin
from mltest.shared.energy.reading import Reading

NAME = "hwmon"
_ANY_SENSOR = re.compile(r"(?:power|energy)[0-9]+_(?:average|input)")
_ACPI_REMEDY = "boot with acpi_power_meter.force_cap_on=y on the kernel's command line"
_LONGEST_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One file with a number."""

    chip: KnownChip
    label: KnownLabel
    path: Path
    interval_s: float | None
    """Span that the driver averages over; None where it does not say."""


@meter_kind
class Hwmon:
    """Finds sensors of known chips."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return a meter for each known chip."""
        found: list[Meter | Unavailable] = []
        strange: list[str] = []
        folders = sorted((site.root / "sys/class/hwmon").glob("hwmon*"), key=_label_order)
        by_name: dict[str, list[Sensor]] = {}
        for folder in folders:
            name = kernel_line(folder / "name")
            chip = known_chip(name)
            sensors = list(_sensors(folder, chip)) if chip else []
            by_name.setdefault(name, []).extend(sensors)
            if not sensors and any(_files(folder)):
                strange.append(name or folder.name)
        found += [HwmonMeter(sensors) for sensors in by_name.values() if sensors]
        if strange := [name for name in strange if name != "power_meter"]:
            names = ", ".join(dict.fromkeys(strange))
            found.append(Unavailable(meter=NAME, reason=f"nobody knows what these measure: {names}"))
        if "power_meter" in by_name and not by_name["power_meter"]:
            found.append(Unavailable(meter=NAME, reason="power_meter tells nothing known", remedy=_ACPI_REMEDY))
        return found or [Unavailable(meter=NAME, reason="no power sensor is there")]


class HwmonMeter:
    """All known sensors of chips of one name."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._sensors: Mapping[str, Sensor] = _by_id(sensors)
        self._files = FileNumbers()
        self._spec = _spec(self._sensors)

    @property
    def spec(self) -> MeterSpec:
        """What it reads."""
        return self._spec

    def open(self) -> None:
        """Files are opened when they are read."""

    def read(self) -> Reading:
        """Return the number of every sensor, in joules or watts."""
        values, absent = {}, {}
        begin_ns = time.monotonic_ns()
        for name, sensor in self._sensors.items():
            try:
                values[name] = self._files.number(sensor.path) * sensor.chip.unit
            except (OSError, ValueError) as error:
                absent[name] = why_not(error)
        return Reading(begin_ns=begin_ns, end_ns=time.monotonic_ns(), values=values, absent=absent)

    def close(self) -> None:
        """Close the files."""
        self._files.close()


def _sensors(folder: Path, chip: KnownChip) -> Iterator[Sensor]:
    seen = set()
    for path in _files(folder):
        match = re.fullmatch(chip.files, path.name)
        if not match or match[1] in seen:
            continue
        stem = path.name.split("_")[0]
        texts = [kernel_line(path.parent / f"{stem}_{end}") for end in ("label", "oem_info")]
        label = known_label(chip, label_of(texts))
        if label is None:
            continue
        seen.add(match[1])
        interval_ms = kernel_number(path.parent / f"{stem}_average_interval")
        yield Sensor(chip=chip, label=label, path=path, interval_s=interval_ms / 1e3 if interval_ms else None)


def _files(folder: Path) -> list[Path]:
    """Return what may be sensors; older drivers (acpi_power_meter) have their files in the device's folder."""
    found = [path for place in (folder, folder / "device") for path in sorted(place.glob("*_*"))]
    return [path for path in found if _ANY_SENSOR.fullmatch(path.name)]


def _by_id(sensors: Sequence[Sensor]) -> dict[str, Sensor]:
    """Return sensors by the id of their domain; several of one name are told apart by their order."""
    found: dict[str, Sensor] = {}
    for sensor in sensors:
        name, number = sensor.label.id, 0
        while name in found:
            number += 1
            name = f"{sensor.label.id}.{number}"
        found[name] = sensor
    return dict(sorted(found.items()))


def _spec(sensors: Mapping[str, Sensor]) -> MeterSpec:
    chip = next(iter(sensors.values())).chip
    told = [sensor.interval_s for sensor in sensors.values() if sensor.interval_s is not None]
    interval_s = min(max(told, default=chip.update_s), _LONGEST_INTERVAL_S)
    is_power = chip.kind is MeterKind.POWER
    return MeterSpec(
        meter=NAME,
        source=f"sensors of {chip.name}",
        kind=chip.kind,
        domains=tuple(
            Domain(
                id=name,
                scope=sensor.label.scope,
                parent=sensor.label.parent if sensor.label.parent in sensors else "",
                resolution=chip.unit,
            )
            for name, sensor in sensors.items()
        ),
        update_s=interval_s,
        update_origin=Origin.DRIVER if told else Origin.DATASHEET,
        averaging_s=interval_s if is_power else 0.0,
        gain_u_ratio=chip.gain_u_ratio,
        floor_s=chip.floor_s,
        is_estimate=chip.is_estimate,
    )


def _label_order(folder: Path) -> tuple[str, str, int]:
    """Order devices by what they are, not by their number, which moves from start to start."""
    texts = sorted(kernel_line(path) for place in (folder, folder / "device") for path in place.glob("power1_oem_info"))
    return kernel_line(folder / "name"), "".join(texts), int(re.sub(r"\D", "", folder.name) or 0)
