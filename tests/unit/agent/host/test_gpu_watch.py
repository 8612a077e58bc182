"""The state of GPUs by NVML: the real Python binding, over a library that answers as a driver would."""

from pathlib import Path
from typing import Any

import pytest

from mltest.agent.host.gpu_watch import GpuWatch
from tests.unit.agent.host.machines import process_stat, write
from tests.unit.agent.meters.test_nvml import SUCCESS, Driver

pynvml = pytest.importorskip("pynvml", reason="pip install nvidia-ml-py makes it run")

OWN_PID, WORKER, STRANGER = 10, 11, 99
POWER, HEAT = 0, 1


class WatchedDriver(Driver):
    """Counts how long its GPU was slowed down, and knows who computes on it."""

    def __init__(self) -> None:
        super().__init__()
        self.violated_ns = {POWER: 1_000, HEAT: 2_000}
        self.reasons = 0
        self.pids = [WORKER]
        self.is_divided = False

    def nvmlDeviceGetViolationStatus(self, handle: Any, policy: Any, time: Any) -> int:  # noqa: N802
        time._obj.violationTime = self.violated_ns[policy.value]
        return SUCCESS

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Any, reasons: Any) -> int:  # noqa: N802
        reasons._obj.value = self.reasons
        return SUCCESS

    def nvmlDeviceGetClockInfo(self, handle: Any, kind: Any, mhz: Any) -> int:  # noqa: N802
        mhz._obj.value = {1: 1980, 2: 2619}[kind.value]
        return SUCCESS

    def nvmlDeviceGetComputeRunningProcesses_v3(self, handle: Any, count: Any, processes: Any) -> int:  # noqa: N802
        count._obj.value = len(self.pids)
        if processes is None:
            return pynvml.NVML_ERROR_INSUFFICIENT_SIZE if self.pids else SUCCESS
        for place, pid in zip(processes, self.pids, strict=False):
            place.pid = pid
        return SUCCESS

    def nvmlDeviceGetMigMode(self, handle: Any, current: Any, pending: Any) -> int:  # noqa: N802
        current._obj.value = pending._obj.value = int(self.is_divided)
        return SUCCESS

    def nvmlSystemGetDriverVersion(self, text: Any, length: Any) -> int:  # noqa: N802
        text.value = b"580.65.06"
        return SUCCESS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "proc/driver/nvidia/version": "NVRM version: 580.65\n",
            f"proc/{OWN_PID}/stat": process_stat(OWN_PID, 1, (0, 0, 0, 0)),
            f"proc/{WORKER}/stat": process_stat(WORKER, OWN_PID, (0, 0, 0, 0)),
        },
    )


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> WatchedDriver:
    found = WatchedDriver()
    monkeypatch.setattr(pynvml, "nvmlLib", found)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return found


def test_a_gpu_of_our_own_at_full_speed_has_nothing_against_it(root: Path, driver: WatchedDriver) -> None:
    (state,) = GpuWatch(root, (OWN_PID,)).end((OWN_PID,))

    assert (state.name, state.driver_version) == ("NVIDIA H100 80GB HBM3", "580.65.06")
    assert (state.clock_hz, state.memory_clock_hz) == (1.98e9, 2.619e9)
    assert (state.throttle_causes, state.foreign_process_count, state.is_divided) == ((), 0, False)
    assert (state.power_capped_ns, state.heat_capped_ns) == (0, 0)


def test_time_at_the_power_limit_is_not_missed_between_two_looks(root: Path, driver: WatchedDriver) -> None:
    watch = GpuWatch(root, (OWN_PID,))
    driver.violated_ns[POWER] += 5_000_000

    (state,) = watch.end((OWN_PID,))

    assert (state.throttle_causes, state.power_capped_ns) == (("power limit",), 5_000_000)


def test_what_slows_it_down_now_is_named(root: Path, driver: WatchedDriver) -> None:
    driver.reasons = 0x40 | 0x80

    (state,) = GpuWatch(root, (OWN_PID,)).end((OWN_PID,))

    assert state.throttle_causes == ("heat", "power brake")


def test_a_tenant_that_left_before_the_end_is_counted(root: Path, driver: WatchedDriver) -> None:
    driver.pids = [WORKER, STRANGER]
    watch = GpuWatch(root, (OWN_PID,))
    driver.pids, driver.is_divided = [WORKER], True

    (state,) = watch.end((OWN_PID,))

    assert (state.foreign_process_count, state.is_divided) == (1, True)


def test_a_machine_without_the_driver_has_no_gpus(tmp_path: Path, driver: WatchedDriver) -> None:
    assert GpuWatch(tmp_path, (OWN_PID,)).end((OWN_PID,)) == ()


def test_what_an_old_driver_does_not_tell_is_absent(
    root: Path, driver: WatchedDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pynvml, "nvmlLib", Driver())

    (state,) = GpuWatch(root, (OWN_PID,)).end((OWN_PID,))

    assert (state.clock_hz, state.power_capped_ns, state.heat_capped_ns) == (None, None, None)
