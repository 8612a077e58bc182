"""The meters that visits read: chosen by name and boundary, with update periods as they were seen on this machine."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from mltest.agent.host.emulation import read_emulator
from mltest.agent.meters.listing import emulated_text
from mltest.agent.meters.probing import polled, probe_pause_s, probe_span_s, probed
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.agent.meters.seen_periods import keep_update_s, meter_key, seen_update_s
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.meter_spec import MeterSpec, Origin
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError

_LOG = logging.getLogger(__name__)
_PROBE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenMeters:
    """What a visit reads."""

    meters: tuple[Meter, ...] = ()
    """Each has at least one boundary that no other of them has."""
    absent: tuple[Unavailable, ...] = ()
    """Why there are none, or not more."""


class ProbedMeter:
    """A meter whose specification is better known than by its data sheet."""

    def __init__(self, meter: Meter, spec: MeterSpec) -> None:
        self._meter = meter
        self.spec = spec

    def open(self) -> None:
        """Get ready to read."""
        self._meter.open()

    def read(self) -> Reading:
        """Return its numbers now."""
        return self._meter.read()

    def close(self) -> None:
        """Let go of everything."""
        self._meter.close()


def chosen_meters(site: MeterSite, patterns: Sequence[str], boundary: str, folder: Path) -> ChosenMeters:
    """Return what there is to be read, probed; takes some seconds for a meter that is seen for the first time.

    Args:
        site: where meters are looked for.
        patterns: of names; none means: all.
        boundary: only meters that have it; empty means: all.
        folder: keeps what was seen of them.

    """
    if emulator := read_emulator(site.root, os.uname().machine):
        return ChosenMeters(absent=(Unavailable(meter="every meter", reason=emulated_text(emulator)),))
    found = discovered(site)
    named = [meter for meter in found.meters if _is_named(meter.spec.meter, patterns)]
    absent = [one for one in found.unavailable if one.remedy and _is_named(one.meter, patterns)]
    fitting, taken = [], set[str]()
    for meter in named:
        names = {one.name for one in boundaries(meter.spec) if boundary in ("", one.name)}
        if not names - taken:
            continue
        if reason := _closed(meter):
            absent.append(Unavailable(meter=meter.spec.meter, reason=reason))
            continue
        fitting.append(meter)
        taken |= names
    if named and not fitting and not absent:
        absent += [Unavailable(meter=one.spec.meter, reason=_without(one.spec, boundary)) for one in named]
    return ChosenMeters(meters=tuple(_known(meter, folder) for meter in fitting), absent=tuple(absent))


def _is_named(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _closed(meter: Meter) -> str:
    """Return why a meter cannot be opened; empty if it can."""
    try:
        meter.open()
    except MeterUnreadableError as error:
        return str(error.facts.get("detail", error.message))
    meter.close()
    return ""


def _without(spec: MeterSpec, boundary: str) -> str:
    known = ", ".join(one.name for one in boundaries(spec))
    if not known:
        return "its numbers are recorded only: nobody knows what they cover"
    return f"it has no boundary {boundary}, but {known}"


def _known(meter: Meter, folder: Path) -> Meter:
    seen, key = seen_update_s(folder), meter_key(meter.spec.meter, meter.spec.source)
    if key not in seen and (update_s := _probed_s(meter)) is not None:
        seen[key] = update_s
        keep_update_s(folder, seen)
    if key not in seen:
        return meter
    return ProbedMeter(meter, replace(meter.spec, update_s=seen[key], update_origin=Origin.PROBED))


def _probed_s(meter: Meter) -> float | None:
    """Return the longest update period of what is read; None if something did not change often enough."""
    try:
        meter.open()
        try:
            readings = polled(meter, probe_span_s(meter.spec, _PROBE_S), probe_pause_s(meter.spec))
        finally:
            meter.close()
    except MeterUnreadableError as error:
        _LOG.info("%s cannot be probed: %s", meter.spec.meter, error)
        return None
    found = probed(meter.spec, readings)
    if found.absent or not found.domains:
        return None
    return max(one.update_s for one in found.domains)
