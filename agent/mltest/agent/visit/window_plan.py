"""How many calls a load window takes, from a first look at a candidate. Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mltest.shared.domain import EnergyRecorded, EnergySpec
from mltest.shared.energy.boundary import Boundary, boundaries
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.minimum_window import Load, base_window_s, minimum_window_s, settling_s
from mltest.shared.energy.reading import Absent, Window
from mltest.shared.energy.recorded import readings_of
from mltest.shared.energy.rounds import without_lag_w
from mltest.shared.energy.window_energy import window_energy

_SPARE = 1.1
"""Windows are so much longer than they have to be: calls may be faster the next time."""


def wanted_boundaries(spec: MeterSpec, energy: EnergySpec) -> tuple[Boundary, ...]:
    """Return the boundaries of a meter that a visit is for, with the exactness that it aims at."""
    aimed = replace(spec, target_ratio=energy.target_ratio) if energy.target_ratio else spec
    return tuple(one for one in boundaries(aimed) if energy.boundary in ("", one.name))


def longest_base_s(specs: Sequence[MeterSpec], energy: EnergySpec) -> float:
    """Return how long idle power is looked at: enough for every meter, and no longer than a window may be."""
    longest_s = max(base_window_s(one) for spec in specs for one in wanted_boundaries(spec, energy))
    return min(longest_s, energy.max_window_ns / 1e9)


def longest_settling_s(specs: Sequence[MeterSpec], energy: EnergySpec) -> float:
    """Return how long after a load no meter shows anything of it any more."""
    return max(settling_s(one) for spec in specs for one in wanted_boundaries(spec, energy))


def call_count_of(pilots: Sequence[tuple[MeterSpec, EnergyRecorded]], energy: EnergySpec, latency_s: float) -> int:
    """Return how many calls fill a window that is long enough for every meter and boundary, within the limit.

    Args:
        pilots: of each meter, one window before and one with calls.
        energy: what is asked for.
        latency_s: of one call.

    """
    limit_s = energy.max_window_ns / 1e9
    wanted_s = [
        _window_s(boundary, recorded, latency_s, limit_s)
        for spec, recorded in pilots
        for boundary in wanted_boundaries(spec, energy)
    ]
    return max(1, math.ceil(min(max(wanted_s), limit_s) / latency_s))


def _window_s(boundary: Boundary, recorded: EnergyRecorded, latency_s: float, limit_s: float) -> float:
    """Return how long a window has to be; as long as it may be where the load cannot be told from idle."""
    spans = [Window(begin_ns=one.begin_ns, end_ns=one.end_ns) for one in recorded.windows]
    before, load = (window_energy(boundary, readings_of(recorded), span) for span in spans)
    if isinstance(before, Absent) or isinstance(load, Absent):
        return limit_s
    load_w = without_lag_w(load, before.power_w, boundary.spec.lag_s)
    needed = minimum_window_s(boundary, Load(load_w=load_w, base_w=before.power_w, latency_s=latency_s))
    return limit_s if isinstance(needed, Absent) else _SPARE * needed
