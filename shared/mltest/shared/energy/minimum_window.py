"""How long a window has to be, for a meter and a candidate."""

import math
from dataclasses import dataclass

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent

LONGEST_S = 120.0
"""A candidate that needs a longer window is below the resolution of its meter."""
_SAMPLES_AT = 1.0
"""Samples of a power meter, divided by the standard error that is aimed at: 200 for 0.5 %, 50 for the 2 % of a plug."""
_MIN_AVERAGES = 10
_MIN_CALLS = 50
_SETTLING_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is known of a candidate before it is measured."""

    load_w: float
    """While it infers."""
    base_w: float
    """While its model is loaded, and it does not."""
    latency_s: float
    """Of one inference."""


def minimum_window_s(boundary: Boundary, load: Load) -> float | Absent:
    """Return the shortest window in which the standard error of net energy is the meter's `target_ratio`.

    The largest of: the meter's floor; the ends, late by up to one period; the steps of a counter; ten averaging
    windows; 50 calls; of a power meter 200 samples for 0.5 %, and in proportion.
    """
    spec, net_w = boundary.spec, load.load_w - load.base_w
    if net_w <= 0:
        return Absent("the load adds no power that this meter can see")
    scale = math.sqrt(6) * spec.target_ratio
    needed = [
        spec.floor_s,
        load.load_w / net_w * spec.update_s / scale,
        _MIN_AVERAGES * spec.averaging_s,
        _MIN_CALLS * load.latency_s,
    ]
    if spec.kind is MeterKind.COUNTER:
        needed.append(boundary.resolution / (scale * net_w))
    else:
        needed.append(_SAMPLES_AT / spec.target_ratio * spec.poll_s)
    longest_s = max(needed)
    if longest_s > LONGEST_S:
        needs = f"{spec.meter} would need windows of {longest_s:.0f} s"
        return Absent(f"below resolution: {needs}, {LONGEST_S:.0f} s are the most")
    return longest_s


def settling_s(boundary: Boundary) -> float:
    """Return how long to wait between a load and a look at idle power: until the meter shows nothing of the load."""
    spec = boundary.spec
    return max(_SETTLING_S, 2 * spec.update_s + spec.averaging_s)


def base_window_s(boundary: Boundary) -> float:
    """Return how long idle power is looked at before and after a load."""
    return max(2.0, 20 * boundary.spec.update_s)
