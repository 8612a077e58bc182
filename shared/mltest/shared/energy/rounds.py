"""Joules for one inference, from the windows of one round."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent, Reading, Window
from mltest.shared.energy.window_energy import WindowEnergy, window_energy

_MAX_BASE_CHANGE = 0.1
"""Of the net power: a base that moved more within a round says nothing of what lies between."""
_METER_SIGMAS = 3.0
"""Two looks at the same idle power may differ by that many standard errors of the meter itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundWindows:
    """When what happened in one round of one candidate."""

    round_index: int
    """Counts from 0."""
    before: Window
    """The model is loaded, its process is alive, and nothing is inferred."""
    load: Window
    """Exactly `inference_count` inferences."""
    after: Window
    """As `before`."""
    inference_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnergy:
    """What one round says."""

    round_index: int
    gross_j: float
    """For one inference: all that the boundary used, divided by their number."""
    net_j: float
    """For one inference: without what it uses while the model is loaded and idle."""
    load_w: float
    base_w: float
    """With the model loaded, not inferring: interpolated to the middle of the load."""
    base_change_w: float
    """After the load, minus before."""
    duration_s: float
    inference_count: int


def round_energy(boundary: Boundary, readings: Sequence[Reading], windows: RoundWindows) -> RoundEnergy | Absent:
    """Return what the readings of one round say; absent with the reason if they say nothing sound."""
    before = window_energy(boundary, readings, windows.before)
    load = window_energy(boundary, readings, windows.load)
    after = window_energy(boundary, readings, windows.after)
    if isinstance(before, Absent):
        return before
    if isinstance(load, Absent):
        return load
    if isinstance(after, Absent):
        return after
    if windows.inference_count < 1:
        return Absent("nothing was inferred in the window")
    return _round(boundary, windows, before, load, after)


def _round(
    boundary: Boundary, windows: RoundWindows, before: WindowEnergy, load: WindowEnergy, after: WindowEnergy
) -> RoundEnergy | Absent:
    span_ns = windows.after.middle_ns - windows.before.middle_ns
    share = (windows.load.middle_ns - windows.before.middle_ns) / span_ns
    change_w = after.power_w - before.power_w
    base_w = before.power_w + share * change_w
    load_w = without_lag_w(load, base_w, boundary.spec.lag_s)
    net_w = load_w - base_w
    if abs(change_w) > max(_MAX_BASE_CHANGE * abs(net_w), _METER_SIGMAS * _blur_w(boundary, before, after)):
        return Absent(
            f"idle power moved from {before.power_w:.4g} to {after.power_w:.4g} W, over a tenth of what the load adds",
            "mltest-agent doctor says what else runs on this machine",
        )
    return RoundEnergy(
        round_index=windows.round_index,
        gross_j=load_w * load.duration_s / windows.inference_count,
        net_j=net_w * load.duration_s / windows.inference_count,
        load_w=load_w,
        base_w=base_w,
        base_change_w=change_w,
        duration_s=load.duration_s,
        inference_count=windows.inference_count,
    )


def _blur_w(boundary: Boundary, before: WindowEnergy, after: WindowEnergy) -> float:
    """Return the standard error of a difference of two steady powers: ends that are late, and steps."""
    return hypot(*(_window_blur_w(boundary, one) for one in (before, after)))


def _window_blur_w(boundary: Boundary, window: WindowEnergy) -> float:
    spec = boundary.spec
    if spec.kind is MeterKind.POWER:
        return boundary.resolution / sqrt(12)
    late_j = window.power_w * min(spec.update_s, window.duration_s)
    return hypot(late_j, boundary.resolution) / (window.duration_s * sqrt(6))


def without_lag_w(load: WindowEnergy, base_w: float, lag_s: float) -> float:
    """Return the power of a load that began and ended with its window, from what a meter that is late shows.

    For `lag_s` after its begin such a meter still shows idle power, and what it shows for as long after the end is
    missing: measured = P T - (P - base) lag.
    """
    if lag_s >= load.duration_s:
        return load.power_w
    return (load.energy_j - base_w * lag_s) / (load.duration_s - lag_s)
