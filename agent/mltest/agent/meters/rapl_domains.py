"""Domains of RAPL, named alike whichever way they are read. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mltest.shared.energy.domain import Domain, Scope

PSYS = "psys"
_PACKAGE = re.compile(r"package-[0-9]+(-die-[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One counter of RAPL."""

    key: str
    """What it is read by."""
    package: str
    """package-0, package-0-die-1; empty for psys."""
    part: str = ""
    """core, uncore, dram; empty for all of a package, psys for the platform."""
    resolution_j: float
    wrap_j: float | None


def is_package(label: str) -> bool:
    """Return whether the kernel calls a whole package so."""
    return _PACKAGE.fullmatch(label) is not None


def rapl_domains(zones: Sequence[Zone], *, is_amd: bool) -> dict[str, Domain]:
    """Return domains by the key of their zone; what says nothing sound is left out.

    Cores and uncore are inside a package, memory is beside it, and the platform contains all of them. On AMD the
    "core" zone is a single core (MSR_CORE_ENERGY_STATUS). Several platform zones cover nobody knows what.
    """
    platforms = [zone for zone in zones if zone.part == PSYS]
    top = PSYS if len(platforms) == 1 else ""
    found: dict[str, Domain] = {}
    for zone in zones:
        if (zone.part == PSYS and not top) or (is_amd and zone.part == "core"):
            continue
        found[zone.key] = _domain(zone, top)
    return found


def _domain(zone: Zone, top: str) -> Domain:
    package = f"cpu.{zone.package}"
    match zone.part:
        case "psys":
            name, scope, parent = PSYS, Scope.BOARD, ""
        case "":
            name, scope, parent = package, Scope.PACKAGE, top
        case "dram":
            name, scope, parent = f"{package}.dram", Scope.DRAM, top
        case part:
            name, scope, parent = f"{package}.{part}", Scope.CORE, package
    return Domain(id=name, scope=scope, parent=parent, resolution=zone.resolution_j, wrap_j=zone.wrap_j)
