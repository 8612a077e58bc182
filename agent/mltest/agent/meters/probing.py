"""Update period and resolution of a meter, from looking at it as often as it can be read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from mltest.agent.meters.role import Meter
from mltest.shared.energy.counting import counted_j
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Absent, Reading
from mltest.shared.units import measured_text, seconds_text

_MIN_CHANGES = 3
_MIN_PERIODS = 20
_PAUSE_PERIODS = 0.1
"""A meter is read ten times in each of its periods, or as often as it can be."""
_MAX_TOOK_MEDIANS = 20
"""Nobody knows when in it a reading that took so much longer than most looked at the meter: its process had to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedDomain:
    """What was seen of one number of a meter."""

    id: str
    update_s: float
    """Median time between two changes."""
    step: float
    """Smallest change, in joules or watts."""
    power_w: float
    """Mean while it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What was seen of one meter."""

    meter: str
    source: str
    kind: MeterKind
    reading_count: int
    read_s: float
    """What one reading takes; median."""
    domains: tuple[ProbedDomain, ...]
    absent: dict[str, str]
    """Why nothing is known of a domain, by its id."""


def probe_span_s(spec: MeterSpec, least_s: float) -> float:
    """Return how long a meter has to be looked at."""
    return max(least_s, _MIN_PERIODS * spec.update_s)


def polled(meter: Meter, span_s: float, pause_s: float) -> list[Reading]:
    """Return readings of an open meter for `span_s`, with `pause_s` between two; pauses of a millisecond are left away.

    Raises:
        MeterUnreadableError: it cannot be read.

    """
    readings = [meter.read()]
    end_ns = readings[0].begin_ns + round(span_s * 1e9)
    while time.monotonic_ns() < end_ns:
        if pause_s > 1e-3:
            time.sleep(pause_s)
        readings.append(meter.read())
    return readings


def probe_pause_s(spec: MeterSpec) -> float:
    """Return how often a meter has to be read to see when it changes."""
    return _PAUSE_PERIODS * spec.update_s


def probed(spec: MeterSpec, readings: Sequence[Reading]) -> Probed:
    """Return what readings, taken as often as possible, say of their meter. Pure."""
    usual_s = median(reading.took_s for reading in readings)
    prompt = [reading for reading in readings if reading.took_s <= _MAX_TOOK_MEDIANS * usual_s]
    found = {domain.id: _domain(spec, domain, prompt) for domain in spec.domains if not domain.parts}
    return Probed(
        meter=spec.meter,
        source=spec.source,
        kind=spec.kind,
        reading_count=len(readings),
        read_s=usual_s,
        domains=tuple(one for one in found.values() if isinstance(one, ProbedDomain)),
        absent={name: one.reason for name, one in found.items() if isinstance(one, Absent)},
    )


def probed_text(found: Probed) -> str:
    """Return it for people."""
    unit = "J" if found.kind is MeterKind.COUNTER else "W"
    lines = [
        f"{found.meter}: {found.source}",
        f"  {found.reading_count} readings, one takes {seconds_text(found.read_s)}",
    ]
    for one in found.domains:
        step = measured_text(one.step, 0.0, unit)
        lines.append(
            f"    {one.id}: changes every {seconds_text(one.update_s)}, steps of {step}, {one.power_w:.4g} W meanwhile"
        )
    lines += [f"    {name}: {reason}" for name, reason in found.absent.items()]
    return "\n".join(lines)


def _domain(spec: MeterSpec, domain: Domain, readings: Sequence[Reading]) -> ProbedDomain | Absent:
    seen = [(reading.middle_ns, reading.values[domain.id]) for reading in readings if domain.id in reading.values]
    if len(seen) < 2:
        reasons = [reading.absent[domain.id] for reading in readings if domain.id in reading.absent]
        return Absent(reasons[-1] if reasons else "it was not read")
    is_counter = spec.kind is MeterKind.COUNTER
    steps = [
        (at_ns, counted_j(before, now, domain.wrap_j) if is_counter else abs(now - before))
        for (_, before), (at_ns, now) in pairwise(seen)
    ]
    if any(step is None for _, step in steps):
        return Absent("the counter started again")
    changes = [(at_ns, step) for at_ns, step in steps if step]
    if len(changes) < _MIN_CHANGES:
        return Absent(f"it changed {len(changes)} times in {(seen[-1][0] - seen[0][0]) / 1e9:.3g} s")
    span_s = (seen[-1][0] - seen[0][0]) / 1e9
    total_j = sum(step for _, step in changes)
    return ProbedDomain(
        id=domain.id,
        update_s=median(later - earlier for (earlier, _), (later, _) in pairwise(changes)) / 1e9,
        step=min(step for _, step in changes),
        power_w=total_j / span_s if is_counter else sum(value for _, value in seen) / len(seen),
    )
