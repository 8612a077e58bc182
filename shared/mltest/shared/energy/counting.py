"""Differences of counters that wrap, stop, and start again."""

import math
from collections.abc import Sequence
from itertools import pairwise

from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Absent, Reading

_STALE_PERIODS = 10.0
"""What a counter jumps by when it changes may be of as many update periods."""
_LATE = 2.0
"""A heartbeat may be late by as much: `heartbeat_s` is a quarter of the shortest time in which a counter can wrap."""


def counted_j(first_j: float, second_j: float, wrap_j: float | None) -> float | None:
    """Return the joules between two readings of a counter, between which it wrapped at most once.

    None if it went back although it does not wrap: then it was reset, as drivers do when they are loaded again.
    """
    difference_j = second_j - first_j
    if difference_j >= 0:
        return difference_j
    return None if wrap_j is None else difference_j % wrap_j


def counter_energy_j(spec: MeterSpec, domain: Domain, readings: Sequence[Reading]) -> float | Absent:
    """Return the joules that `domain` counted from the first to the last of `readings`, each of which has its value."""
    total_j = 0.0
    for earlier, later in pairwise(readings):
        gap_s = (later.middle_ns - earlier.middle_ns) / 1e9
        if domain.wrap_j is not None and spec.heartbeat_s is not None and gap_s > _LATE * spec.heartbeat_s:
            return Absent(f"{domain.id} was not read for {gap_s:.3g} s: it may have wrapped unseen")
        earlier_j, later_j = earlier.values[domain.id], later.values[domain.id]
        step_j = counted_j(earlier_j, later_j, domain.wrap_j)
        if step_j is None or (later_j < earlier_j and step_j > _most_j(spec, domain, gap_s)):
            return Absent(f"the counter {domain.id} started again")
        total_j += step_j
    if total_j == 0:
        span_s = (readings[-1].middle_ns - readings[0].middle_ns) / 1e9
        return Absent(f"the counter {domain.id} stood still for {span_s:.3g} s")
    return total_j


def _most_j(spec: MeterSpec, domain: Domain, gap_s: float) -> float:
    """Return what a counter that wrapped may have counted meanwhile: at the power that its heartbeat is made for.

    Beyond that it did not wrap but began anew, as after a suspend or under another driver.
    """
    if domain.wrap_j is None or spec.heartbeat_s is None:
        return math.inf
    return domain.wrap_j / (_LATE * spec.heartbeat_s) * (gap_s + _STALE_PERIODS * spec.update_s)
