"""Sensors in other states than those of the golden machines: refused, unknown, older, newer."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mltest.agent.meters.hwmon import Hwmon
from mltest.agent.meters.jetson_ina import JetsonIna
from mltest.agent.meters.listing import meters_text
from mltest.agent.meters.null import NullMeter
from mltest.agent.meters.pmic_text import rails_w
from mltest.agent.meters.rapl_powercap import RaplPowercap
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.agent.meters.rpi5_pmic import Rpi5Pmic
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.meter_spec import MeterKind
from tests.machines.energy_trees import (
    INTEL_RANGE_UJ,
    PMIC_TEXT,
    PMIC_W,
    Files,
    cpuinfo,
    orin_nx,
    raspberry_pi_5,
    write_tree,
    zones,
)


def only_meter(found: Sequence[Meter | Unavailable]) -> Meter:
    (meter,) = found
    assert not isinstance(meter, Unavailable), meter
    return meter


def refused(found: Sequence[Meter | Unavailable]) -> Unavailable:
    (one,) = found
    assert isinstance(one, Unavailable), one
    return one


def chip(name: str, files: Files, number: int = 0) -> dict[str, str]:
    folder = f"sys/class/hwmon/hwmon{number}"
    return {f"{folder}/name": f"{name}\n"} | {f"{folder}/{file}": text for file, text in files.items()}


@pytest.mark.parametrize("old", [False, True])
def test_both_texts_of_the_power_chip_are_read(old: bool) -> None:
    text = PMIC_TEXT
    if old:
        text = "\n".join(f"{line.split()[0]}={line.split('=')[1]}" for line in PMIC_TEXT.splitlines())

    assert sum(rails_w(text).values()) == pytest.approx(PMIC_W)
    assert set(rails_w(text)) == {"3V7_WL_SW", "3V3_SYS", "VDD_CORE"}


def test_a_line_of_the_power_chip_that_is_no_number_is_passed_over() -> None:
    text = f"{PMIC_TEXT}\n ODD_A current(9)=1.5.7A\n ODD_V volt(9)=.V\n"

    assert set(rails_w(text)) == {"3V7_WL_SW", "3V3_SYS", "VDD_CORE"}


def test_a_pi_whose_power_chip_may_not_be_asked_names_the_grant(tmp_path: Path) -> None:
    program = "#!/bin/sh\necho 'VCHI initialization failed' >&2\nexit 255\n"
    root = write_tree(tmp_path, {**raspberry_pi_5(), "usr/bin/vcgencmd": program})

    found = refused(Rpi5Pmic().discover(MeterSite(root=root)))

    assert found.reason == "vcgencmd says: VCHI initialization failed"
    assert found.remedy.startswith("sudo usermod -aG video")


def test_an_older_pi_has_no_sensor_and_no_remedy(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0"})

    found = refused(Rpi5Pmic().discover(MeterSite(root=root)))

    assert "Raspberry Pi 4 Model B Rev 1.5 has no sensor" in found.reason
    assert found.remedy == ""


def test_a_thor_has_one_monitor_for_all_of_its_board(tmp_path: Path) -> None:
    folder = "sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon2"
    files = {f"{folder}/label": "VIN\n", f"{folder}/power1_input": "41500000\n", f"{folder}/in1_input": "19000\n"}
    meter = only_meter(JetsonIna().discover(MeterSite(root=write_tree(tmp_path, files))))

    assert [one.name for one in boundaries(meter.spec)] == ["board"]
    assert meter.read().values == {"rail.VIN": pytest.approx(41.5)}


def test_sockets_of_amd_energy_are_counted_and_their_cores_are_not(tmp_path: Path) -> None:
    files = {"energy1_label": "Ecore000\n", "energy1_input": "5\n"}
    files |= {"energy33_label": "Esocket0\n", "energy33_input": "7000000\n"}
    meter = only_meter(Hwmon().discover(MeterSite(root=write_tree(tmp_path, chip("amd_energy", files)))))

    assert meter.spec.kind is MeterKind.COUNTER
    assert meter.read().values == {"cpu.package-0": 7.0}


def test_an_amd_gpu_tells_an_estimate(tmp_path: Path) -> None:
    files = {"power1_label": "PPT\n", "power1_average": "85000000\n", "power1_cap": "200000000\n"}
    meter = only_meter(Hwmon().discover(MeterSite(root=write_tree(tmp_path, chip("amdgpu", files)))))

    assert meter.spec.is_estimate
    assert meter.read().values == {"gpu": 85.0}


def test_a_firmware_that_tells_nothing_yet_names_the_parameter(tmp_path: Path) -> None:
    files = chip("power_meter", {"device/power1_average": "0\n"})

    found = refused(Hwmon().discover(MeterSite(root=write_tree(tmp_path, files))))

    assert "acpi_power_meter.force_cap_on=y" in found.remedy


def test_what_is_no_number_is_absent_with_the_reason(tmp_path: Path) -> None:
    files = chip("amdgpu", {"power1_label": "PPT\n", "power1_average": "N/A\n"})
    meter = only_meter(Hwmon().discover(MeterSite(root=write_tree(tmp_path, files))))

    assert meter.read().absent == {"gpu": "the kernel gives no number"}


def test_a_package_that_only_mmio_counts_is_read_there(tmp_path: Path) -> None:
    files = {**cpuinfo("Intel(R) Core(TM)"), **zones(("intel-rapl-mmio:0", "package-0", INTEL_RANGE_UJ))}
    meter = only_meter(RaplPowercap().discover(MeterSite(root=write_tree(tmp_path, files))))
    meter.open()

    assert meter.read().values == {"cpu.package-0": 1.0}


def test_two_counters_of_one_package_are_refused_and_stop_nothing(tmp_path: Path) -> None:
    rows = [(f"intel-rapl:{number}", "package-0", INTEL_RANGE_UJ // (number + 1)) for number in range(2)]
    root = write_tree(tmp_path, {**zones(*rows), **orin_nx()})

    found = discovered(MeterSite(root=root))

    assert [one.spec.meter for one in found.meters] == ["jetson-ina"]
    (twice,) = (one for one in found.unavailable if one.meter == "rapl-powercap")
    assert "two of its numbers are called cpu.package-0" in twice.reason
    assert "cpu.package-0" in meters_text(found)


def test_several_platform_counters_cover_nobody_knows_what(tmp_path: Path) -> None:
    rows = [
        (f"intel-rapl:{number}", label, INTEL_RANGE_UJ) for number, label in enumerate(("package-0", "psys", "psys"))
    ]
    meter = only_meter(RaplPowercap().discover(MeterSite(root=write_tree(tmp_path, zones(*rows)))))

    assert list(meter.spec.by_id) == ["cpu.package-0"]


def test_a_counter_wraps_behind_its_last_step(tmp_path: Path) -> None:
    # max_energy_range_uj is 2^32 - 1 steps, so the modulus is one step more.
    files = zones(("intel-rapl:0", "package-0", INTEL_RANGE_UJ))
    (domain,) = only_meter(RaplPowercap().discover(MeterSite(root=write_tree(tmp_path, files)))).spec.domains

    assert domain.wrap_j is not None
    assert domain.wrap_j - INTEL_RANGE_UJ / 1e6 == pytest.approx(61.035e-6, rel=1e-4)
    assert domain.resolution == pytest.approx(61.035e-6, rel=1e-6)


def test_where_there_is_no_meter_nothing_is_read_and_never_zero() -> None:
    meter = NullMeter()
    meter.open()

    assert meter.read().values == {}
    assert boundaries(meter.spec) == ()
