"""A whole campaign on a machine whose joules are known: drift, noise, bursts, and what the engine makes of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import fmean

from mltest.shared.energy.boundary import Boundary, boundaries
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.minimum_window import Load, base_window_s, minimum_window_s, settling_s
from mltest.shared.energy.reading import Reading, Window
from mltest.shared.energy.result import EnergyResult, Quantity, energy_result
from mltest.shared.energy.rounds import RoundEnergy, RoundWindows, round_energy
from tests.energy.instruments import Instrument, readings_at
from tests.energy.waveform import Waveform, waveform

ROUNDS = 7
NOISE_RATIO = 0.01
"""Of the load, from round to round."""
BURST_CHANCE, BURST_W, BURST_SHARE = 0.2, 4.0, 0.1
"""In each window: something else runs for that share of it."""
HEARTBEAT_S = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one campaign says, beside the truth."""

    result: EnergyResult
    true_j: float
    scaled_true_j: float
    """What a meter with this campaign's scale and zero would show without any other fault."""
    sound_rounds: int

    @property
    def is_covered(self) -> bool:
        """Whether the truth is within the error bar."""
        return abs(self.result.value - self.true_j) <= self.result.uncertainty.u95

    @property
    def bias_ratio(self) -> float:
        """How far the engine is off, scale and zero of the meter apart."""
        return self.result.value / self.scaled_true_j - 1


@dataclass(frozen=True, slots=True)
class _Machine:
    base_w: float
    load_w: float
    latency_s: float
    drift_w_per_s: float
    gain: float
    offset_w: float


def outcomes(instrument: Instrument, quantity: Quantity, seeds: range) -> Iterator[Outcome]:
    """Return what campaigns of these seeds say."""
    for seed in seeds:
        yield campaign(instrument, quantity, Random(f"{instrument.spec.meter}-{quantity.value}-{seed}"))


def campaign(instrument: Instrument, quantity: Quantity, random: Random) -> Outcome:
    """Measure one made-up machine with `instrument`, as an agent would."""
    (boundary, *_) = boundaries(instrument.spec)
    machine = _machine(boundary, random)
    load = Load(load_w=machine.load_w, base_w=machine.base_w, latency_s=machine.latency_s)
    window_s = minimum_window_s(boundary, load)
    assert isinstance(window_s, float), window_s
    count = math.ceil(window_s / machine.latency_s)
    course, windows = _course(boundary, machine, count, random)
    readings = _read(instrument, course, machine, windows, random)
    rounds = [one for each in windows if isinstance(one := round_energy(boundary, readings, each), RoundEnergy)]
    result = energy_result(boundary, rounds, quantity)
    assert isinstance(result, EnergyResult), result
    true_j = _truth(machine, windows, quantity)
    zero_j = machine.offset_w * machine.latency_s if quantity is Quantity.GROSS else 0.0
    return Outcome(result=result, true_j=true_j, scaled_true_j=machine.gain * true_j + zero_j, sound_rounds=len(rounds))


def _machine(boundary: Boundary, random: Random) -> _Machine:
    base_w = random.uniform(10, 40)
    return _Machine(
        base_w=base_w,
        load_w=base_w + random.uniform(20, 60),
        latency_s=random.choice((0.005, 0.01, 0.02)),
        drift_w_per_s=random.uniform(-0.003, 0.003),
        gain=1 + random.gauss(0, boundary.spec.gain_u_ratio),
        offset_w=random.gauss(0, boundary.offset_u_w),
    )


def _truth(machine: _Machine, windows: list[RoundWindows], quantity: Quantity) -> float:
    """Return the expected joules of one inference; bursts hit idle and load alike, so they cancel in net."""
    if quantity is Quantity.NET:
        return (machine.load_w - machine.base_w) * machine.latency_s
    drift_w = machine.drift_w_per_s * fmean(one.load.middle_ns for one in windows) / 1e9
    burst_w = BURST_CHANCE * BURST_W * BURST_SHARE
    return (machine.load_w + drift_w + burst_w) * machine.latency_s


def _course(boundary: Boundary, machine: _Machine, count: int, random: Random) -> tuple[Waveform, list[RoundWindows]]:
    base_s, load_s, pause_s = base_window_s(boundary), count * machine.latency_s, settling_s(boundary)
    segments: list[tuple[float, float]] = [(2.0, machine.base_w)]
    now_s = 2.0
    windows: list[RoundWindows] = []
    for index in range(ROUNDS):
        load_w = machine.base_w + (machine.load_w - machine.base_w) * random.gauss(1, NOISE_RATIO)
        spans: list[Window] = []
        for seconds, watts in ((base_s, machine.base_w), (load_s, load_w), (base_s, machine.base_w)):
            spans.append(Window(begin_ns=round(now_s * 1e9), end_ns=round((now_s + seconds) * 1e9)))
            segments += _segments(seconds, watts + machine.drift_w_per_s * (now_s + seconds / 2), random)
            segments.append((pause_s, machine.base_w + machine.drift_w_per_s * now_s))
            now_s += seconds + pause_s
        before, load, after = spans
        windows.append(RoundWindows(round_index=index, before=before, load=load, after=after, inference_count=count))
    return waveform([*segments, (5.0, machine.base_w)]), windows


def _segments(seconds: float, watts: float, random: Random) -> list[tuple[float, float]]:
    if random.random() >= BURST_CHANCE:
        return [(seconds, watts)]
    burst_s = BURST_SHARE * seconds
    first_s = random.uniform(0, seconds - burst_s)
    return [(first_s, watts), (burst_s, watts + BURST_W), (seconds - burst_s - first_s, watts)]


def _read(
    instrument: Instrument, course: Waveform, machine: _Machine, windows: list[RoundWindows], random: Random
) -> list[Reading]:
    """Read at the ends of windows and as often as the meter's heartbeat; a power meter all the time."""
    spec, end_s = instrument.spec, windows[-1].after.end_ns / 1e9
    powers_w = [machine.gain * watts + machine.offset_w for watts in course.powers_w]
    lengths_s = [later - earlier for earlier, later in zip(course.starts_s, course.starts_s[1:], strict=False)]
    seen = waveform(list(zip([*lengths_s, 10.0], powers_w, strict=True)))
    look = instrument.make(seen, end_s, random)
    if spec.kind is MeterKind.POWER:
        count = math.ceil((end_s + 2 * spec.poll_s) / spec.poll_s)
        return readings_at(spec, look, (index * spec.poll_s for index in range(1, count)))
    moments = set()
    for one in windows:
        for span in (one.before, one.load, one.after):
            moments |= {span.begin_ns / 1e9 - 2e-5, span.end_ns / 1e9 + 2e-5}
    heartbeats = {HEARTBEAT_S * index for index in range(1, math.ceil(end_s / HEARTBEAT_S))}
    return readings_at(spec, look, sorted(moments | heartbeats))
