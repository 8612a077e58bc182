"""Chips of hwmon that are known to measure power of something known. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mltest.shared.energy.domain import Scope
from mltest.shared.energy.meter_spec import MeterKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLabel:
    """What a label of a chip stands for."""

    pattern: str
    """Regular expression for the whole label; a group is the number of the socket."""
    id: str
    """Of the domain; {} is that number."""
    scope: Scope
    parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChip:
    """One allowed chip."""

    name: str
    """As in the file `name`."""
    kind: MeterKind
    files: str
    """Which files hold its numbers."""
    unit: float
    """Of a number in them, in joules or watts."""
    labels: tuple[KnownLabel, ...]
    gain_u_ratio: float
    floor_s: float
    update_s: float
    is_estimate: bool = False


_GRACE = tuple(
    KnownLabel(pattern=rf"{word} Power Socket ([0-9]+)", id=name, scope=scope, parent=parent)
    for word, name, scope, parent in (
        ("Module", "module-{}", Scope.MODULE, ""),
        ("Grace", "cpu.package-{}", Scope.PACKAGE, "module-{}"),
        ("CPU", "cpu.package-{}.core", Scope.CORE, "cpu.package-{}"),
        ("SysIO", "cpu.package-{}.sysio", Scope.CORE, "cpu.package-{}"),
    )
)
"""Source: NVIDIA Grace performance tuning guide, "Power and thermal management"; labels are in power1_oem_info."""

CHIPS = (
    KnownChip(
        name="power_meter",
        kind=MeterKind.POWER,
        files=r"power([0-9]+)_average",
        unit=1e-6,
        labels=_GRACE,
        gain_u_ratio=0.05,
        floor_s=10.0,
        update_s=0.05,
    ),
    KnownChip(
        name="amd_energy",
        kind=MeterKind.COUNTER,
        files=r"energy([0-9]+)_input",
        unit=1e-6,
        labels=(KnownLabel(pattern=r"Esocket([0-9]+)", id="cpu.package-{}", scope=Scope.PACKAGE),),
        gain_u_ratio=0.05,
        floor_s=2.0,
        update_s=1e-3,
    ),
    KnownChip(
        name="amdgpu",
        kind=MeterKind.POWER,
        files=r"power([0-9]+)_(?:average|input)",
        unit=1e-6,
        labels=(KnownLabel(pattern=r"(?:fast|slow)?PPT", id="gpu", scope=Scope.GPU),),
        gain_u_ratio=0.08 / 3**0.5,
        floor_s=10.0,
        update_s=0.1,
        is_estimate=True,
    ),
)


def known_chip(name: str) -> KnownChip | None:
    """Return the chip of that name, if it is allowed."""
    return next((chip for chip in CHIPS if chip.name == name), None)


def known_label(chip: KnownChip, label: str) -> KnownLabel | None:
    """Return what a label of `chip` stands for, with the socket's number filled in; None if nobody knows."""
    for one in chip.labels:
        if found := re.fullmatch(one.pattern, label):
            number = found.groups()[0] if found.groups() else ""
            return KnownLabel(
                pattern=one.pattern, id=one.id.format(number), scope=one.scope, parent=one.parent.format(number)
            )
    return None


def label_of(texts: Sequence[str]) -> str:
    """Return the first text that says something."""
    return next((text for text in texts if text), "")
