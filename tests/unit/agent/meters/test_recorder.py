"""A meter is read for as long as something is measured."""

import threading
from dataclasses import replace

import pytest

from mltest.agent.meters.recorder import Recorder, recording_period_s
from mltest.agent.meters.simulated import SimulatedMeter
from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent, Reading, Window
from mltest.shared.energy.window_energy import WindowEnergy, is_of_a_moment, window_energy
from mltest.shared.errors import MeterUnreadableError

DEADLINE_S = 60.0


class Watched(SimulatedMeter):
    """Tells when it was read some times, and fails from some reading on."""

    def __init__(self, count: int = 5, fails_from: int = 10**9) -> None:
        super().__init__(40.0)
        self.was_read, self.count, self.fails_from, self.is_open = threading.Event(), count, fails_from, False
        self._so_far = 0

    def open(self) -> None:
        self.is_open = True

    def read(self) -> Reading:
        self._so_far += 1
        if self._so_far >= self.count:
            self.was_read.set()
        if self._so_far >= self.fails_from:
            raise MeterUnreadableError(meter="simulated", detail="it is gone")
        return super().read()

    def close(self) -> None:
        self.is_open = False


def test_energy_between_two_marks_is_that_of_the_meter() -> None:
    meter = Watched()
    with Recorder(meter, 0.001) as recorder:
        first = recorder.mark()
        assert meter.was_read.wait(DEADLINE_S)
        second = recorder.mark()

    boundary = Boundary(meter.spec, "simulated", ("simulated",))
    found = window_energy(boundary, recorder.readings, Window(begin_ns=first.end_ns, end_ns=second.begin_ns))

    assert isinstance(found, WindowEnergy), found
    late_s = 2 * meter.spec.update_s + first.took_s + second.took_s
    assert abs(found.energy_j - 40.0 * found.duration_s) <= 40.0 * late_s
    assert not meter.is_open


def test_readings_are_in_order_of_time() -> None:
    meter = Watched(count=20)
    with Recorder(meter, 0.0) as recorder:
        while not meter.was_read.is_set():
            recorder.mark()

    begins = [reading.begin_ns for reading in recorder.readings]
    assert begins == sorted(begins)


def test_a_meter_that_fails_meanwhile_is_told_and_the_window_is_absent() -> None:
    meter = Watched(count=3, fails_from=2)
    with Recorder(meter, 0.001) as recorder:
        first = recorder.mark()
        assert meter.was_read.wait(DEADLINE_S)
        with pytest.raises(MeterUnreadableError, match="it is gone"):
            recorder.mark()

    found = window_energy(
        Boundary(meter.spec, "simulated", ("simulated",)),
        recorder.readings,
        Window(begin_ns=first.end_ns, end_ns=first.end_ns + 10**9),
    )
    assert isinstance(found, Absent)
    assert recorder.failure is not None


def test_a_counter_is_read_before_it_can_wrap_and_a_power_meter_whenever_it_changes() -> None:
    spec = SimulatedMeter(40.0).spec

    assert recording_period_s(spec) == spec.heartbeat_s == 10.0
    assert recording_period_s(replace(spec, heartbeat_s=None)) == 10.0
    assert recording_period_s(replace(spec, kind=MeterKind.POWER, update_s=0.1)) == 0.1
    assert recording_period_s(replace(spec, kind=MeterKind.POWER, update_s=1e-4)) == 0.005


def test_an_interrupted_reading_is_of_no_moment() -> None:
    spec = SimulatedMeter(40.0).spec
    quick, slow = (Reading(begin_ns=0, end_ns=took_ns, values={}) for took_ns in (900_000, 1_100_000))

    assert is_of_a_moment(spec, quick)
    assert not is_of_a_moment(spec, slow)
