"""What readings, taken as often as possible, say of their meter."""

from pathlib import Path

import pytest

from mltest.agent.meters.probing import probed
from mltest.agent.meters.simulated import SimulatedMeter
from mltest.shared.energy.reading import Reading

_WATTS = 40
_PAUSE_NS = 1_000_000


def test_a_reading_whose_process_had_to_wait_does_not_stretch_the_time(tmp_path: Path) -> None:
    spec = SimulatedMeter(_WATTS, root=tmp_path).spec
    waits_ns = {199: 3_400_000_000}
    readings = [_reading(place, took_ns=waits_ns.get(place, 2_000)) for place in range(200)]

    (domain,) = probed(spec, readings).domains

    assert domain.power_w == pytest.approx(_WATTS, rel=0.001)


def test_readings_that_all_take_long_all_count(tmp_path: Path) -> None:
    spec = SimulatedMeter(_WATTS, root=tmp_path).spec

    (domain,) = probed(spec, [_reading(place, took_ns=_PAUSE_NS) for place in range(50)]).domains

    assert domain.update_s == pytest.approx(_PAUSE_NS / 1e9)


def _reading(place: int, *, took_ns: int) -> Reading:
    begin_ns = place * _PAUSE_NS
    return Reading(begin_ns=begin_ns, end_ns=begin_ns + took_ns, values={"simulated": _WATTS * begin_ns / 1e9})
