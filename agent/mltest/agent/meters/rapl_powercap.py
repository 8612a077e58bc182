"""RAPL through the kernel's powercap tree: read directly where that is allowed, else by the helper mltest-powerd.

Source: Linux, drivers/powercap/intel_rapl_common.c (raw counters have 32 bits) and Documentation/power/powercap.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from mltest.agent.host.virtualisation import is_virtual_machine
from mltest.agent.meters.processor import VIRTUAL, Processor, read_processor
from mltest.agent.meters.rapl_domains import PSYS, Zone, is_package, rapl_domains
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.agent.power.client import SOCKET, PowerClient
from mltest.agent.power.counters import Counters
from mltest.agent.power.domain import PowerDomain, PowerReading
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError, PowerUnreadableError

NAME = "rapl-powercap"
UPDATE_S = 1e-3
"""Source: Intel SDM, volume 3, 15.10; Linux, Documentation/hwmon of AMD's driver."""
FLOOR_S = 2.0
HIGHEST_POWER_W = 1000.0
"""Of one package: decides how soon a counter may wrap."""
LONGEST_HEARTBEAT_S = 10.0

_COUNTS = 2**32
_ALL_READ: Mapping[str, str] = {}
_REMEDY = "sudo systemctl enable --now mltest-powerd.socket   # asking it takes the group mltest"


class CounterSource(Protocol):
    """What reads zones: this process, or the helper."""

    def domains(self) -> tuple[PowerDomain, ...]:
        """Return every zone."""
        ...

    def read_all(self, names: Sequence[str]) -> tuple[PowerReading, ...]:
        """Return the counters of some zones."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@meter_kind
class RaplPowercap:
    """Finds the zones of RAPL."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for all packages of the machine."""
        direct = Counters(site.root)
        if not direct.domains():
            return [Unavailable(meter=NAME, reason="the kernel has no powercap zones (usual in virtual machines)")]
        if is_virtual_machine(site.root):
            return [Unavailable(meter=NAME, reason=VIRTUAL)]
        processor = read_processor(site.root)
        reason = _why_unreadable(direct)
        if not reason:
            unread = _unread(direct)
            return [PowercapMeter(processor, direct.domains(), lambda: direct, "powercap", unread)]
        helper = site.root / SOCKET.relative_to("/")
        try:
            asked = PowerClient.connect(helper)
        except PowerUnreadableError as error:
            return [Unavailable(meter=NAME, reason=f"{reason}; {error.facts['detail']}: {helper}", remedy=_REMEDY)]
        try:
            zones, reason, unread = asked.domains(), _why_unreadable(asked), _unread(asked)
        except PowerUnreadableError as error:
            return [Unavailable(meter=NAME, reason=error.message, remedy=_REMEDY)]
        finally:
            asked.close()
        if reason:
            return [Unavailable(meter=NAME, reason=reason, remedy=_REMEDY)]
        way = "powercap, by mltest-powerd"
        return [PowercapMeter(processor, zones, lambda: PowerClient.connect(helper), way, unread)]


class PowercapMeter:
    """Counters of all zones of one machine."""

    def __init__(
        self,
        processor: Processor,
        zones: Sequence[PowerDomain],
        connect: Callable[[], CounterSource],
        way: str,
        unread: Mapping[str, str] = _ALL_READ,
    ) -> None:
        self._connect = connect
        self._source: CounterSource | None = None
        found = rapl_domains(zones_of(zones), is_amd=processor.is_amd)
        self._domains = found
        self._names = tuple(found)
        spec = rapl_spec(NAME, f"RAPL of {processor.model}, through {way}", tuple(found.values()), processor)
        gaps = [f"{domain.id} cannot be read ({unread[key]})" for key, domain in found.items() if key in unread]
        gaps = [f"{', '.join(gaps)}: no boundary with it has joules"] if gaps else []
        self._spec = replace(spec, note="; ".join([*gaps, *([spec.note] if spec.note else [])]))

    @property
    def spec(self) -> MeterSpec:
        """What it reads."""
        return self._spec

    def open(self) -> None:
        """Connect to the helper, where it is needed."""
        try:
            self._source = self._connect()
        except PowerUnreadableError as error:
            raise MeterUnreadableError(meter=NAME, detail=error.message) from error

    def read(self) -> Reading:
        """Return every counter, in joules."""
        if self._source is None:
            raise MeterUnreadableError(meter=NAME, detail="it is not open")
        begin_ns = time.monotonic_ns()
        try:
            found = self._source.read_all(self._names)
        except PowerUnreadableError as error:
            raise MeterUnreadableError(meter=NAME, detail=error.message) from error
        end_ns = time.monotonic_ns()
        pairs = list(zip(self._domains.values(), found, strict=True))
        return Reading(
            begin_ns=begin_ns,
            end_ns=end_ns,
            values={domain.id: one.energy_uj / 1e6 for domain, one in pairs if one.energy_uj is not None},
            absent={domain.id: one.absent for domain, one in pairs if one.energy_uj is None},
        )

    def close(self) -> None:
        """Hang up."""
        if self._source is not None:
            self._source.close()
        self._source = None


def rapl_spec(name: str, source: str, domains: tuple[Domain, ...], processor: Processor) -> MeterSpec:
    """Return what is known of RAPL, whichever way it is read."""
    wraps = [domain.wrap_j for domain in domains if domain.wrap_j is not None]
    return MeterSpec(
        meter=name,
        source=source,
        kind=MeterKind.COUNTER,
        domains=domains,
        update_s=UPDATE_S,
        gain_u_ratio=processor.gain_u_ratio,
        floor_s=FLOOR_S,
        heartbeat_s=min(LONGEST_HEARTBEAT_S, min(wraps) / (4 * HIGHEST_POWER_W)) if wraps else None,
        note=processor.note,
    )


def zones_of(domains: Sequence[PowerDomain]) -> list[Zone]:
    """Return zones with their place; the MMIO interface repeats packages that the MSR interface has too.

    max_energy_range_uj is unit x (2^32 - 1), so it tells the unit, and the counter wraps at unit x 2^32.
    """
    labels = {domain.name: domain.label for domain in domains}
    own = {domain.label for domain in domains if not _is_mmio(domain.name)}
    zones = []
    for domain in domains:
        package = _package(domain.name, labels)
        if _is_mmio(domain.name) and package in own:
            continue
        if not package and domain.label != PSYS:
            continue
        unit_j = domain.max_energy_uj / 1e6 / (_COUNTS - 1) if domain.max_energy_uj else 0.0
        zones.append(
            Zone(
                key=domain.name,
                package=package,
                part="" if domain.label == package else domain.label,
                resolution_j=unit_j or 1e-6,
                wrap_j=unit_j * _COUNTS or None,
            )
        )
    return zones


def _package(name: str, labels: Mapping[str, str]) -> str:
    """Return the label of the package that a zone is, or is below; empty for the platform."""
    label = labels.get(name, "")
    if is_package(label):
        return label
    above = name.rpartition(":")[0]
    return _package(above, labels) if above in labels else ""


def _is_mmio(name: str) -> bool:
    return name.startswith("intel-rapl-mmio")


def _unread(source: CounterSource) -> dict[str, str]:
    """Return the zones that have no number now, with the reason of each."""
    found = source.read_all([domain.name for domain in source.domains()])
    return {one.name: one.absent for one in found if one.energy_uj is None}


def _why_unreadable(source: CounterSource) -> str:
    found = source.read_all([domain.name for domain in source.domains()])
    reasons = dict.fromkeys(one.absent for one in found if one.energy_uj is None)
    is_any_readable = any(one.energy_uj is not None for one in found)
    return "" if is_any_readable else f"energy counters cannot be read: {', '.join(reasons)}"
