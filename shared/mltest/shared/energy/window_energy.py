"""Energy of a boundary within a window, from stored readings."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.counting import counter_energy_j
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.integration import sampled_energy_j
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Absent, Reading, Window

_SLOWEST_S = 1e-3
"""A reading may always take so long."""
_EDGE_RATIO = 0.01
"""A counter may be read that much of a window before its begin and after its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnergy:
    """What was used in a window."""

    energy_j: float
    duration_s: float
    """For a counter, between the two readings; the energy is of the same span."""

    @property
    def power_w(self) -> float:
        """Mean power."""
        return self.energy_j / self.duration_s


def window_energy(boundary: Boundary, readings: Sequence[Reading], window: Window) -> WindowEnergy | Absent:
    """Return the energy of `boundary` within `window`.

    Args:
        boundary: of the meter that gave the readings.
        readings: raw, in order of time; more than those of the window do no harm.
        window: begins after a reading and ends before one.

    """
    if window.end_ns <= window.begin_ns:
        return Absent("the window is empty")
    total_j, begin_ns, end_ns = [], 0.0, math.inf
    for leaf, factor in boundary.leaves:
        found = _leaf(boundary, leaf, readings, window)
        if isinstance(found, Absent):
            return found
        energy_j, leaf_begin_ns, leaf_end_ns = found
        total_j.append(factor * energy_j)
        begin_ns, end_ns = max(begin_ns, leaf_begin_ns), min(end_ns, leaf_end_ns)
    duration_s = (end_ns - begin_ns) / 1e9
    return WindowEnergy(energy_j=math.fsum(total_j) + boundary.added_w * duration_s, duration_s=duration_s)


def is_of_a_moment(spec: MeterSpec, reading: Reading) -> bool:
    """Return whether a reading was quick enough: that of a counter is an end of a window, a sample one of many."""
    longest_s = spec.update_s / 10 if spec.kind is MeterKind.COUNTER else spec.poll_s
    return reading.took_s <= max(_SLOWEST_S, longest_s)


def _leaf(
    boundary: Boundary, leaf: Domain, readings: Sequence[Reading], window: Window
) -> tuple[float, float, float] | Absent:
    """Return joules of one domain, and the moments that they are from and to."""
    spec = boundary.spec

    def is_usable(reading: Reading) -> bool:
        return leaf.id in reading.values and is_of_a_moment(spec, reading)

    first = bisect_right(readings, window.begin_ns, key=_middle) - 1
    while first >= 0 and not is_usable(readings[first]):
        first -= 1
    last = bisect_left(readings, window.end_ns, key=_middle)
    while last < len(readings) and not is_usable(readings[last]):
        last += 1
    if first < 0 or last >= len(readings):
        return Absent(_missing(leaf, readings))
    inside = [reading for reading in readings[first : last + 1] if is_usable(reading)]
    if spec.kind is MeterKind.POWER:
        sampled = sampled_energy_j(spec, leaf, inside, window)
        return sampled if isinstance(sampled, Absent) else (sampled, window.begin_ns, window.end_ns)
    begin_ns, end_ns = inside[0].middle_ns, inside[-1].middle_ns
    slack_ns = max(window.begin_ns - begin_ns, end_ns - window.end_ns)
    if slack_ns > max(_EDGE_RATIO * (window.end_ns - window.begin_ns), spec.update_s * 1e9):
        return Absent(f"{leaf.id} was not read at the ends of the window")
    counted = counter_energy_j(spec, leaf, inside)
    return counted if isinstance(counted, Absent) else (counted, begin_ns, end_ns)


def _middle(reading: Reading) -> int:
    return reading.middle_ns


def _missing(leaf: Domain, readings: Sequence[Reading]) -> str:
    reasons = [reading.absent[leaf.id] for reading in readings if leaf.id in reading.absent]
    return f"{leaf.id} was not read around the window" + (f": {reasons[-1]}" if reasons else "")
