"""What is found on each of these machines: exactly that, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from mltest.agent.meters.listing import meter_infos, meters_data, meters_text
from mltest.agent.meters.registry import FoundMeters, discovered
from mltest.agent.meters.role import Meter, MeterSite
from mltest.shared.energy.boundary import Boundary, boundaries
from mltest.shared.energy.domain import Scope
from mltest.shared.energy.reading import Window
from mltest.shared.energy.window_energy import WindowEnergy, window_energy
from tests.machines.energy_trees import INTEL_RANGE_UJ, MACHINES, PMIC_W, cpuinfo, write_tree, zones

GOLDEN = Path(__file__).parent / "golden"


def found_on(machine: str, root: Path) -> FoundMeters:
    return discovered(MeterSite(root=write_tree(root, MACHINES[machine]())))


def one_meter(machine: str, name: str, root: Path) -> Meter:
    (meter,) = (meter for meter in found_on(machine, root).meters if meter.spec.meter == name)
    return meter


def total_w(meter: Meter, boundary: str) -> float:
    """Return the power of a boundary by the engine, from one look at a meter: this test's machine may be slow."""
    (chosen,) = (one for one in boundaries(meter.spec) if one.name == boundary)
    meter.open()
    once = meter.read()
    meter.close()
    readings = [replace(once, begin_ns=at_ns, end_ns=at_ns) for at_ns in (0, 5_000_000)]
    found = window_energy(chosen, readings, Window(begin_ns=0, end_ns=5_000_000))
    assert isinstance(found, WindowEnergy), found
    return found.power_w


@pytest.mark.parametrize("machine", MACHINES)
def test_discovery_finds_exactly_what_is_there(machine: str, tmp_path: Path) -> None:
    text = meters_text(found_on(machine, tmp_path)).replace(str(tmp_path), "")

    assert text + "\n" == (GOLDEN / f"{machine}.txt").read_text()


@pytest.mark.parametrize("machine", MACHINES)
def test_data_say_the_same_as_the_text(machine: str, tmp_path: Path) -> None:
    found = found_on(machine, tmp_path)
    data = meters_data(found)

    assert [one["spec"]["meter"] for one in data["meters"]] == [meter.spec.meter for meter in found.meters]
    assert len(data["unavailable"]) == len(found.unavailable)


def test_the_board_of_an_agx_orin_uses_36_8_w_and_not_40_8(tmp_path: Path) -> None:
    assert total_w(one_meter("jetson-agx-orin", "jetson-ina", tmp_path), "board") == pytest.approx(36.8)


@pytest.mark.parametrize(
    ("machine", "meter", "boundary", "power_w"),
    [
        ("jetson-orin-nx", "jetson-ina", "board", 5.056 * 1.36),
        ("jetson-agx-xavier", "jetson-ina", "board", 7.1),
        ("grace", "hwmon", "module-0", 252.0),
        ("grace", "hwmon", "cpu.package", 140.0),
        ("raspberry-pi-5", "rpi5-pmic", "board", 1.1451 * PMIC_W + 0.5879),
    ],
)
def test_the_total_of_each_board_is_that_of_its_rails(
    machine: str, meter: str, boundary: str, power_w: float, tmp_path: Path
) -> None:
    found = one_meter(machine, meter, tmp_path)

    assert total_w(found, boundary) == pytest.approx(power_w)


def test_rails_of_an_unknown_board_are_recorded_and_not_added_up(tmp_path: Path) -> None:
    files = {name: text.replace("VDD_IN", "VDD_FUTURE") for name, text in MACHINES["jetson-orin-nx"]().items()}
    (meter,) = discovered(MeterSite(root=write_tree(tmp_path, files))).meters

    assert boundaries(meter.spec) == ()
    assert set(meter.read().values) == {"rail.VDD_FUTURE", "rail.VDD_CPU_GPU_CV", "rail.VDD_SOC"}


def test_no_boundary_anywhere_counts_something_twice(tmp_path: Path) -> None:
    for machine in MACHINES:
        for meter in found_on(machine, tmp_path / machine).meters:
            for one in boundaries(meter.spec):
                leaves = [domain.id for domain, _ in one.leaves]
                assert len(leaves) == len(set(leaves))
                assert Boundary(meter.spec, one.name, one.domain_ids) == one


def test_numbers_of_hwmon_devices_mean_nothing(tmp_path: Path) -> None:
    files = dict(MACHINES["grace"]())
    moved = {name.replace("hwmon/hwmon", "hwmon/hwmon9"): text for name, text in files.items()}
    turned = {name: files[name] for name in reversed(files)}

    texts = {
        meters_text(discovered(MeterSite(root=write_tree(tmp_path / str(number), tree))))
        for number, tree in enumerate((files, moved, turned))
    }

    assert len(texts) == 1


def test_a_machine_without_meters_has_no_numbers_and_a_reason_for_each(tmp_path: Path) -> None:
    found = found_on("virtual-machine", tmp_path)

    assert found.meters == ()
    assert all(one.reason for one in found.unavailable)


def test_counters_for_root_name_the_command_that_grants_them(tmp_path: Path) -> None:
    root = write_tree(tmp_path, MACHINES["intel-one-socket"]())
    for counter in root.glob("sys/class/powercap/*/energy_uj"):
        counter.unlink()
        counter.mkdir()  # root may read every file, so it has to be something that nobody can read

    (refused,) = (one for one in discovered(MeterSite(root=root)).unavailable if one.meter == "rapl-powercap")

    assert refused.reason.startswith("energy counters cannot be read: Is a directory")
    assert refused.remedy.startswith("sudo systemctl enable --now mltest-powerd.socket")


def test_a_sensor_that_is_switched_off_is_absent_with_the_reason(tmp_path: Path) -> None:
    meter = one_meter("jetson-agx-orin", "jetson-ina", tmp_path)
    rail = tmp_path / "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr2_input"
    rail.unlink()

    reading = meter.read()

    assert reading.absent == {"rail.VDD_CPU_CV": "No such file or directory"}
    assert "rail.VDD_GPU_SOC" in reading.values


def test_counters_of_a_virtual_machine_are_not_believed(tmp_path: Path) -> None:
    flags = cpuinfo("Intel(R) Xeon(R) Processor", flags="fpu sse2 hypervisor")
    root = write_tree(tmp_path, {**MACHINES["intel-one-socket"](), **flags})

    found = discovered(MeterSite(root=root))

    assert found.meters == ()
    reasons = {one.meter: one.reason for one in found.unavailable}
    assert reasons["rapl-perf"] == reasons["rapl-powercap"]
    assert reasons["rapl-perf"].startswith("this is a virtual machine")


def test_a_platform_contains_its_package(tmp_path: Path) -> None:
    domains = one_meter("intel-psys-mmio", "rapl-powercap", tmp_path).spec.by_id

    assert domains["psys"].scope is Scope.BOARD
    assert domains["cpu.package-0"].parent == "psys"
    assert list(domains) == ["cpu.package-0", "cpu.package-0.core", "cpu.package-0.uncore", "psys"]


@pytest.mark.parametrize("machine", [name for name in MACHINES if name.startswith(("intel", "amd"))])
def test_both_ways_to_read_rapl_agree_about_what_there_is(machine: str, tmp_path: Path) -> None:
    files = {**MACHINES[machine](), "proc/sys/kernel/perf_event_paranoid": "-1\n"}
    meters = {meter.spec.meter: meter for meter in discovered(MeterSite(root=write_tree(tmp_path, files))).meters}

    ids = {name: set(meters[name].spec.by_id) for name in ("rapl-perf", "rapl-powercap")}

    assert ids["rapl-perf"] == ids["rapl-powercap"]


def test_an_agent_tells_of_its_meters_and_of_those_that_a_command_would_grant(tmp_path: Path) -> None:
    powercap, perf = meter_infos(found_on("intel-two-sockets", tmp_path))

    assert (powercap.name, powercap.is_available, powercap.boundaries) == ("rapl-powercap", True, ("cpu.package+dram",))
    assert (perf.name, perf.is_available, perf.remedy[:12]) == ("rapl-perf", False, "sudo install")


def test_a_meter_says_which_of_its_sockets_cannot_be_read(tmp_path: Path) -> None:
    sockets = [(f"intel-rapl:{number}", f"package-{number}", INTEL_RANGE_UJ) for number in range(4)]
    root = write_tree(tmp_path, {**cpuinfo("Intel(R) Xeon(R)"), **zones(*sockets)})
    (root / "sys/class/powercap/intel-rapl:2/energy_uj").unlink()

    found = discovered(MeterSite(root=root))
    (info,) = meter_infos(found)

    assert "cpu.package-2 cannot be read (there is no such domain)" in meters_text(found)
    assert "cpu.package-1 cannot" not in meters_text(found)
    assert info.boundaries == ("cpu.package",), "what all sockets use, which has no joules while one is missing"
