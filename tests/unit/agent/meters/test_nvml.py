"""GPUs by NVML: the real Python binding, over a library that answers as a driver would."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mltest.agent.meters.nvml import Nvml
from mltest.agent.meters.nvml_sensors import sensor_of
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent, Window
from mltest.shared.energy.window_energy import window_energy
from mltest.shared.errors import MeterUnreadableError

pynvml = pytest.importorskip("pynvml", reason="pip install nvidia-ml-py makes it run")

SUCCESS, NOT_SUPPORTED, GPU_IS_LOST = 0, 3, 15


class Driver:
    """As libnvidia-ml.so.1: calls that it does not have are not there, as in an old driver."""

    def __init__(self, name: bytes = b"NVIDIA H100 80GB HBM3", architecture: int = 9) -> None:
        self.energy_mj, self.power_mw, self.is_lost = 5_000_000, 310_000, False
        self._name, self._architecture = name, architecture
        self.nvmlInitWithFlags = self.nvmlInit_v2 = lambda *_: SUCCESS

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802  # the library's name
        count._obj.value = 1
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:  # noqa: N802
        return SUCCESS

    def nvmlDeviceGetName(self, handle: Any, text: Any, length: Any) -> int:  # noqa: N802
        text.value = self._name
        return SUCCESS

    def nvmlDeviceGetArchitecture(self, handle: Any, architecture: Any) -> int:  # noqa: N802
        architecture._obj.value = self._architecture
        return SUCCESS

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, energy: Any) -> int:  # noqa: N802
        energy._obj.value = self.energy_mj
        return GPU_IS_LOST if self.is_lost else SUCCESS

    def nvmlDeviceGetPowerUsage(self, handle: Any, power: Any) -> int:  # noqa: N802
        power._obj.value = self.power_mw
        return SUCCESS


class OldDriver(Driver):
    """Pascal: power, and no energy counter."""

    def __getattribute__(self, name: str) -> Any:
        if name == "nvmlDeviceGetTotalEnergyConsumption":
            raise AttributeError(name)
        return super().__getattribute__(name)


class SharedDriver(Driver):
    """Several tenants on one GPU."""

    def nvmlDeviceGetMigMode(self, handle: Any, current: Any, pending: Any) -> int:  # noqa: N802
        current._obj.value = pending._obj.value = 1
        return SUCCESS


class DriverOfALostGpu(Driver):
    """Two GPUs, of which the first fell off the bus."""

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802  # the library's name
        count._obj.value = 2
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:  # noqa: N802
        return GPU_IS_LOST if index.value == 0 else SUCCESS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which the driver is loaded."""
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text("NVRM version: 580.65\n")
    return tmp_path


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Puts a driver below the binding."""

    def put(driver: Driver) -> Driver:
        monkeypatch.setattr(pynvml, "nvmlLib", driver)
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        return driver

    yield put


def gpu(root: Path) -> Meter:
    (found,) = Nvml().discover(MeterSite(root=root))
    assert not isinstance(found, Unavailable), found
    found.open()
    return found


def test_a_gpu_with_a_counter_counts_joules(root: Path, load: Any) -> None:
    driver = load(Driver())
    meter = gpu(root)

    first = meter.read()
    driver.energy_mj += 700
    second = meter.read()

    assert second.values["gpu.0"] - first.values["gpu.0"] == pytest.approx(0.7)
    assert (meter.spec.kind, meter.spec.update_s, meter.spec.coverage_ratio) == (MeterKind.COUNTER, 0.1, 0.25)
    assert "sees 25%" in meter.spec.note


def test_an_older_gpu_tells_watts(root: Path, load: Any) -> None:
    load(OldDriver(b"Tesla P100-PCIE-16GB", architecture=4))

    meter = gpu(root)

    assert meter.spec.kind is MeterKind.POWER
    assert meter.read().values == {"gpu.0": 310.0}


def test_a_driver_that_was_loaded_again_is_not_taken_for_a_wrap(root: Path, load: Any) -> None:
    driver = load(Driver())
    meter = gpu(root)
    first = meter.read()
    driver.energy_mj = 3
    second = meter.read()

    found = window_energy(
        boundaries(meter.spec)[0], [first, second], Window(begin_ns=first.end_ns, end_ns=second.begin_ns)
    )

    assert found == Absent("the counter gpu.0 started again")


def test_a_gpu_that_is_lost_is_unreadable_and_never_zero(root: Path, load: Any) -> None:
    driver = load(Driver())
    meter = gpu(root)
    driver.is_lost = True

    with pytest.raises(MeterUnreadableError, match=r"nvml \(gpu\.0\) cannot be read"):
        meter.read()


def test_a_gpu_that_is_lost_does_not_take_the_others_with_it(root: Path, load: Any) -> None:
    load(DriverOfALostGpu())

    lost, other = Nvml().discover(MeterSite(root=root))

    assert isinstance(lost, Unavailable)
    assert lost.reason.startswith("gpu.0: NVML says: ")
    assert not isinstance(other, Unavailable)
    assert list(other.spec.by_id) == ["gpu.1"]


def test_a_gpu_that_is_shared_by_mig_is_refused(root: Path, load: Any) -> None:
    load(SharedDriver())

    (refused,) = Nvml().discover(MeterSite(root=root))

    assert isinstance(refused, Unavailable)
    assert (refused.remedy, "MIG is on" in refused.reason) == ("sudo nvidia-smi -i 0 -mig 0", True)


def test_without_a_driver_the_library_is_not_asked(tmp_path: Path, load: Any) -> None:
    load(Driver())

    assert Nvml().discover(MeterSite(root=tmp_path)) == [
        Unavailable(meter="nvml", reason="the NVIDIA driver is not loaded")
    ]


@pytest.mark.parametrize(
    ("name", "architecture", "update_s", "coverage"),
    [
        ("Tesla V100-SXM2-16GB", 5, 0.02, 0.5),
        ("NVIDIA GeForce RTX 2080 Ti", 6, 0.1, 1.0),
        ("Quadro RTX 8000", 6, 0.1, 0.2),
        ("NVIDIA A100-SXM4-80GB", 7, 0.1, 0.25),
        ("NVIDIA GeForce RTX 3090", 7, 0.1, 1.0),
        ("NVIDIA GeForce RTX 4090", 8, 0.1, 1.0),
        ("NVIDIA H100 80GB HBM3", 9, 0.1, 0.25),
        ("NVIDIA of the future", 99, 0.1, 0.25),
        ("NVIDIA", None, 0.1, 0.25),
    ],
)
def test_the_sensor_of_each_kind_of_gpu_is_known(
    name: str, architecture: int | None, update_s: float, coverage: float
) -> None:
    sensor = sensor_of(name, architecture)

    assert sensor.update_s == update_s
    assert sensor.coverage_ratio == pytest.approx(coverage)
