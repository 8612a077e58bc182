"""How many calls fill a window."""

from dataclasses import replace

import pytest

from mltest.agent.visit.window_plan import call_count_of, longest_base_s, longest_settling_s
from mltest.shared.domain import EnergyRecorded, EnergySpec
from mltest.shared.energy.meter_spec import MeterSpec
from tests.unit.coordinator.energies import IDLE_W, recorded, spec

ENERGY = EnergySpec(batch_sizes=(1,), max_window_ns=60 * 10**9, warmup_ns=0)
LATENCY_S = 1e-3
SLOW = replace(spec(meter="nvml"), update_s=0.1, floor_s=5.0)


def pilot(load_w: float, meter: MeterSpec) -> tuple[MeterSpec, EnergyRecorded]:
    found = recorded(load_w, of=meter)
    return meter, replace(found, windows=found.windows[:2])


def test_a_meter_that_changes_rarely_needs_more_calls() -> None:
    quick, slow = (call_count_of([pilot(2 * IDLE_W, meter)], ENERGY, LATENCY_S) * LATENCY_S for meter in (spec(), SLOW))

    # rho tau / (sqrt 6 eps) with rho 2: 0.16 s and 16 s, each a tenth longer.
    assert quick == pytest.approx(1.1 * 0.1633, rel=0.02)
    assert slow == pytest.approx(1.1 * 16.33, rel=0.02)


def test_a_window_is_long_enough_for_every_meter_and_never_longer_than_allowed() -> None:
    both = [pilot(2 * IDLE_W, spec()), pilot(2 * IDLE_W, SLOW)]
    short = replace(ENERGY, max_window_ns=10**9)

    assert call_count_of(both, ENERGY, LATENCY_S) == call_count_of(both[1:], ENERGY, LATENCY_S)
    assert call_count_of(both, short, LATENCY_S) == 1000
    assert call_count_of(both, short, 7.0) == 1, "one call always"


def test_a_load_that_the_meter_does_not_see_gets_the_longest_window() -> None:
    assert call_count_of([pilot(IDLE_W, spec())], ENERGY, LATENCY_S) == 60_000


def test_idle_power_is_looked_at_for_as_long_as_the_slowest_meter_needs() -> None:
    slowest = replace(spec(), update_s=1.0)

    assert longest_base_s([spec(), slowest], ENERGY) == 20
    assert longest_base_s([spec(), slowest], replace(ENERGY, max_window_ns=10**9)) == 1
    assert longest_settling_s([spec(), slowest], ENERGY) == 2
