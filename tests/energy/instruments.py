"""Meters of a known waveform, with the faults that real ones have: pure functions of time."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random

from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from tests.energy.waveform import Waveform

RAPL_UNIT_J = 2.0**-14
RAPL_WRAP_J = RAPL_UNIT_J * 2**32

Look = Callable[[float], float]
"""What a meter shows at a moment in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One kind of meter, and what makes one from a waveform."""

    spec: MeterSpec
    make: Callable[[Waveform, float, Random], Look]
    """From the waveform that the sensor sees, its length in seconds, and chance."""


def readings_at(spec: MeterSpec, look: Look, moments_s: Iterable[float]) -> list[Reading]:
    """Return readings at `moments_s`, each of which takes 20 µs."""
    name = next(domain.id for domain in spec.domains if not domain.parts)
    return [
        Reading(begin_ns=round(at_s * 1e9) - 10_000, end_ns=round(at_s * 1e9) + 10_000, values={name: look(at_s)})
        for at_s in moments_s
    ]


def stale_counter(period_s: float, step_j: float, wrap_j: float | None) -> Callable[[Waveform, float, Random], Look]:
    """Return what makes a counter that changes once a period, in steps, and wraps in the middle of the campaign."""

    def make(seen: Waveform, length_s: float, random: Random) -> Look:
        phase_s = random.random() * period_s
        start_j = random.random() * 1000 if wrap_j is None else wrap_j - seen.energy_j(length_s / 2)

        def look(at_s: float) -> float:
            tick_s = math.floor((at_s - phase_s) / period_s) * period_s + phase_s
            joules = math.floor((start_j + seen.energy_j(max(tick_s, 0.0))) / step_j) * step_j
            return joules if wrap_j is None else joules % wrap_j

        return look

    return make


def part_time_counter(period_s: float, window_s: float, step_j: float) -> Callable[[Waveform, float, Random], Look]:
    """Return what makes a counter whose sensor sees the last `window_s` of each period, and takes it for all of it."""

    def make(seen: Waveform, length_s: float, random: Random) -> Look:
        phase_s = random.random() * period_s
        ticks = [phase_s + index * period_s for index in range(math.ceil(length_s / period_s) + 1)]
        each_j = [
            (seen.energy_j(tick_s) - seen.energy_j(max(tick_s - window_s, 0.0))) / window_s * period_s
            for tick_s in ticks
        ]
        totals_j = list(accumulate(each_j, initial=random.random() * 1000))

        def look(at_s: float) -> float:
            index = min(max(math.floor((at_s - phase_s) / period_s) + 1, 0), len(totals_j) - 1)
            return math.floor(totals_j[index] / step_j) * step_j

        return look

    return make


def stepped_power(period_s: float, step_w: float) -> Callable[[Waveform, float, Random], Look]:
    """Return what makes a sensor of power: the mean of each period, in steps."""

    def make(seen: Waveform, length_s: float, random: Random) -> Look:
        phase_s = random.random() * period_s

        def look(at_s: float) -> float:
            tick_s = max(math.floor((at_s - phase_s) / period_s) * period_s + phase_s, period_s)
            mean_w = (seen.energy_j(tick_s) - seen.energy_j(tick_s - period_s)) / period_s
            return round(mean_w / step_w) * step_w

        return look

    return make


def _spec(meter: str, kind: MeterKind, domain: Domain, update_s: float, gain_u_ratio: float) -> MeterSpec:
    return MeterSpec(
        meter=meter, source="simulated", kind=kind, domains=(domain,), update_s=update_s, gain_u_ratio=gain_u_ratio
    )


_RAPL = _spec(
    "counter",
    MeterKind.COUNTER,
    Domain(id="cpu.package-0", scope=Scope.PACKAGE, resolution=RAPL_UNIT_J, wrap_j=RAPL_WRAP_J),
    1e-3,
    0.02,
)
_NVML = _spec("part-time", MeterKind.COUNTER, Domain(id="gpu.0", scope=Scope.GPU, resolution=1e-3), 0.1, 0.08 / 3**0.5)
_INA = _spec(
    "sampler", MeterKind.POWER, Domain(id="board", scope=Scope.BOARD, resolution=0.384, offset_u_w=0.44), 0.01, 0.0025
)
_PLUG = _spec("plug", MeterKind.COUNTER, Domain(id="wall", scope=Scope.WALL, resolution=3.6), 1.0, 0.02 / 3**0.5)

_WATTS = replace(_PLUG, meter="plug-of-watts", kind=MeterKind.POWER, averaging_s=1.0, floor_s=60.0, target_ratio=0.02)

INSTRUMENTS = (
    Instrument(spec=replace(_RAPL, heartbeat_s=10.0, floor_s=2.0), make=stale_counter(1e-3, RAPL_UNIT_J, RAPL_WRAP_J)),
    Instrument(spec=replace(_NVML, floor_s=5.0, coverage_ratio=0.25), make=part_time_counter(0.1, 0.025, 1e-3)),
    Instrument(spec=replace(_INA, floor_s=10.0, averaging_s=0.01), make=stepped_power(0.01, 0.384)),
    Instrument(spec=replace(_PLUG, floor_s=60.0, target_ratio=0.02), make=stale_counter(1.0, 3.6, None)),
    Instrument(
        spec=replace(_WATTS, domains=(Domain(id="wall", scope=Scope.WALL, resolution=1.0),)),
        make=stepped_power(1.0, 1.0),
    ),
)
"""Like RAPL, like an H100's NVML, like a Jetson's monitor, like a Shelly, like a plug with Tasmota."""
