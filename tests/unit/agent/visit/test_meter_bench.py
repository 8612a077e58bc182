"""Meters of a visit: chosen, probed once, and read around windows."""

from dataclasses import replace
from pathlib import Path

import pytest

from mltest.agent.meters.role import MeterSite
from mltest.agent.meters.seen_periods import FILE, seen_update_s, with_seen_periods
from mltest.agent.meters.simulated import SimulatedMeter
from mltest.agent.meters.visit_meters import chosen_meters
from mltest.agent.visit.meter_bench import MeterBench
from mltest.shared.domain import EnergyWindowKind, MeterInfo
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.meter_spec import Origin
from mltest.shared.energy.reading import Window
from mltest.shared.energy.recorded import readings_of
from mltest.shared.energy.window_energy import WindowEnergy, window_energy
from tests.machines.energy_trees import INTEL_RANGE_UJ, cpuinfo, intel_one_socket, write_tree, zones


async def test_a_window_lies_between_two_readings_from_which_its_power_comes_back() -> None:
    meter = SimulatedMeter(40.0)
    bench = MeterBench([meter])
    bench.open()
    ended = []

    async def action() -> str:
        ended.append(sum(range(1_000_000)))
        return "done"

    window, result = await bench.window(EnergyWindowKind.LOAD, action)
    recorded = bench.taken(meter.spec, [window])
    bench.close()
    bench.close()

    assert (result, len(ended), window.kind) == ("done", 1, EnergyWindowKind.LOAD)
    (boundary,) = boundaries(meter.spec)
    span = Window(begin_ns=window.begin_ns, end_ns=window.end_ns)
    found = window_energy(boundary, readings_of(recorded), span)
    assert isinstance(found, WindowEnergy), found
    late_j = 40.0 * meter.spec.update_s
    assert found.energy_j == pytest.approx(40.0 * found.duration_s, abs=late_j)


def test_a_way_to_a_counter_that_cannot_be_opened_leaves_it_to_the_next(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {**intel_one_socket(), **cpuinfo("Intel(R) Core(TM)")})

    found = chosen_meters(MeterSite(root=root), (), "", tmp_path)

    assert [meter.spec.meter for meter in found.meters] == ["rapl-powercap"], "the files only look like perf events"
    assert [one.meter for one in found.absent if one.meter == "rapl-perf"]


def test_a_meter_is_probed_once_and_its_period_is_kept(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"simulated: nothing: 40 W are made up": 0.0123, "other": -1, "third": "x"}')
    site = MeterSite(root=write_tree(tmp_path / "root", cpuinfo("a")), simulated_w=40.0)

    (meter,) = chosen_meters(site, ("simul*",), "", tmp_path).meters

    assert (meter.spec.update_s, meter.spec.update_origin) == (0.0123, Origin.PROBED)
    info = MeterInfo(name="simulated", source=meter.spec.source, is_available=True)
    assert with_seen_periods([info], seen_update_s(tmp_path)) == (
        replace(info, update_s=0.0123, update_origin="probed"),
    )


def test_a_counter_that_stands_still_keeps_the_period_of_its_data_sheet(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {**cpuinfo("Intel"), **zones(("intel-rapl:0", "package-0", INTEL_RANGE_UJ))})

    (meter,) = chosen_meters(MeterSite(root=root), (), "", tmp_path).meters

    assert meter.spec.update_origin is not Origin.PROBED
    assert seen_update_s(tmp_path) == {}


def test_a_meter_without_the_wanted_boundary_says_which_it_has(tmp_path: Path) -> None:
    site = MeterSite(root=write_tree(tmp_path / "root", cpuinfo("a")), simulated_w=40.0)

    found = chosen_meters(site, (), "wall", tmp_path)

    assert found.meters == ()
    assert "it has no boundary wall, but simulated" in {one.reason for one in found.absent}
