"""Energy from samples of power."""

from collections.abc import Sequence
from itertools import pairwise

from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Absent, Reading, Window

_MAX_GAP_PERIODS = 5.0
"""Longer than this many periods of a meter, and nobody knows what happened in between."""


def sampled_energy_j(spec: MeterSpec, domain: Domain, readings: Sequence[Reading], window: Window) -> float | Absent:
    """Return the joules of `domain` within `window`: trapezoids, cut at its ends by linear interpolation.

    `readings` are in order; each has a value of the domain; the first and the last are not inside the window.
    """
    total_j = 0.0
    for earlier, later in pairwise(readings):
        span_ns = later.middle_ns - earlier.middle_ns
        if span_ns > _MAX_GAP_PERIODS * spec.poll_s * 1e9:
            return Absent(f"{domain.id} was not read for {span_ns / 1e9:.3g} s")
        begin_ns = max(earlier.middle_ns, window.begin_ns)
        end_ns = min(later.middle_ns, window.end_ns)
        if end_ns <= begin_ns:
            continue
        slope = (later.values[domain.id] - earlier.values[domain.id]) / span_ns
        middle_w = earlier.values[domain.id] + slope * ((begin_ns + end_ns) / 2 - earlier.middle_ns)
        total_j += middle_w * (end_ns - begin_ns) / 1e9
    return total_j
