"""RAPL through perf events: 64-bit counts, for which the kernel itself sees to wraps. Preferred where it is allowed.

Source: Linux, arch/x86/events/rapl.c; /sys/bus/event_source/devices/power.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number, kernel_text
from mltest.agent.host.virtualisation import is_virtual_machine
from mltest.agent.meters.perf_event import PerfEvent, open_event, read_event
from mltest.agent.meters.processor import VIRTUAL, Processor, read_processor
from mltest.agent.meters.rapl_domains import PSYS, Zone, rapl_domains
from mltest.agent.meters.rapl_powercap import rapl_spec
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError

NAME = "rapl-perf"

_PARTS = {"energy-pkg": "", "energy-ram": "dram", "energy-cores": "core", "energy-gpu": "uncore", "energy-psys": PSYS}
_UNIT_J, _AMD_UNIT_J = 2.0**-14, 2.0**-16
"""Steps of the registers below; `scale` is only the unit that the kernel counts in."""
_CAPABILITIES = (21, 38)
"""CAP_SYS_ADMIN, CAP_PERFMON; Linux, include/uapi/linux/capability.h."""
_REMEDY = (
    "sudo install -D -m 644 systemd/mltest-agent-perf.conf /etc/systemd/system/mltest-agent.service.d/perf.conf"
    "   # by hand: sudo sysctl kernel.perf_event_paranoid=0"
)


@meter_kind
class RaplPerf:
    """Finds the events of RAPL."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for all packages of the machine."""
        events = dict(_events(site.root))
        if not events:
            return [Unavailable(meter=NAME, reason="the kernel has no energy events (usual in virtual machines)")]
        if is_virtual_machine(site.root):
            return [Unavailable(meter=NAME, reason=VIRTUAL)]
        if not _is_allowed(site.root):
            paranoid = kernel_line(site.root / "proc/sys/kernel/perf_event_paranoid")
            reason = f"kernel.perf_event_paranoid is {paranoid or 'unknown'}, and this process lacks CAP_PERFMON"
            return [Unavailable(meter=NAME, reason=reason, remedy=_REMEDY)]
        return [PerfMeter(read_processor(site.root), events)]


class PerfMeter:
    """Events of all packages of one machine."""

    def __init__(
        self,
        processor: Processor,
        events: Mapping[str, tuple[PerfEvent, float, Zone]],
        open_one: Callable[[PerfEvent], int] = open_event,
    ) -> None:
        domains = rapl_domains([zone for _, _, zone in events.values()], is_amd=processor.is_amd)
        self._events = {
            domain.id: (event, scale) for key, domain in domains.items() for event, scale, _ in (events[key],)
        }
        self._open_one = open_one
        self._open: dict[str, tuple[int, float]] = {}
        finer = tuple(_with_unit(domain, processor) for domain in domains.values())
        self._spec = rapl_spec(NAME, f"RAPL of {processor.model}, through perf events", finer, processor)

    @property
    def spec(self) -> MeterSpec:
        """What it reads."""
        return self._spec

    def open(self) -> None:
        """Open an event for each domain."""
        self.close()
        try:
            for name, (event, scale) in self._events.items():
                self._open[name] = (self._open_one(event), scale)
        except OSError as error:
            self.close()
            raise MeterUnreadableError(meter=NAME, detail=error.strerror or str(error), next_step=_REMEDY) from error

    def read(self) -> Reading:
        """Return every count, in joules."""
        if not self._open:
            raise MeterUnreadableError(meter=NAME, detail="it is not open")
        values, absent = {}, {}
        begin_ns = time.monotonic_ns()
        for name, (descriptor, scale) in self._open.items():
            try:
                values[name] = read_event(descriptor) * scale
            except OSError as error:
                absent[name] = error.strerror or str(error)
        return Reading(begin_ns=begin_ns, end_ns=time.monotonic_ns(), values=values, absent=absent)

    def close(self) -> None:
        """Close the events."""
        for descriptor, _ in self._open.values():
            with suppress(OSError):
                os.close(descriptor)
        self._open = {}


def processors_of(text: str) -> list[int]:
    """Return the processors in a list of the kernel: 0,28 or 0-3."""
    found: list[int] = []
    for part in text.split(","):
        if match := re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part.strip()):
            found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _events(root: Path) -> Iterator[tuple[str, tuple[PerfEvent, float, Zone]]]:
    pmu = root / "sys/bus/event_source/devices/power"
    number = kernel_number(pmu / "type")
    cpus = processors_of(kernel_line(pmu / "cpumask"))
    if number is None:
        return
    has_dies = len({_place(root, cpu)[0] for cpu in cpus}) < len(cpus)
    for event, part in _PARTS.items():
        config = re.fullmatch(r"event=(0x[0-9a-f]+)", kernel_line(pmu / "events" / event))
        scale = _positive(kernel_line(pmu / "events" / f"{event}.scale"))
        if not config or scale is None:
            continue
        for cpu in cpus:
            package, die = _place(root, cpu)
            zone = Zone(
                key=f"{event}@{cpu}",
                package=f"package-{package}-die-{die}" if has_dies else f"package-{package}",
                part=part,
                resolution_j=_UNIT_J,
                wrap_j=None,
            )
            yield zone.key, (PerfEvent(type=number, config=int(config[1], 16), cpu=cpu), scale, zone)


def _positive(text: str) -> float | None:
    try:
        return float(text) if float(text) > 0 else None
    except ValueError:
        return None


def _place(root: Path, cpu: int) -> tuple[int, int]:
    """Return the package and the die of a processor."""
    topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
    return kernel_number(topology / "physical_package_id") or 0, kernel_number(topology / "die_id") or 0


def _is_allowed(root: Path) -> bool:
    paranoid = kernel_number(root / "proc/sys/kernel/perf_event_paranoid")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", kernel_text(root / "proc/self/status"), re.MULTILINE)
    held = int(found[1], 16) if found else 0
    return (paranoid is not None and paranoid <= 0) or any(held >> bit & 1 for bit in _CAPABILITIES)


def _with_unit(domain: Domain, processor: Processor) -> Domain:
    return replace(domain, resolution=_AMD_UNIT_J) if processor.is_amd else domain
