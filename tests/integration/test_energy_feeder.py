"""From a counter that another process keeps up to date, through meter and engine, to watts with an error bar."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mltest.agent.meters.rapl_powercap import RaplPowercap
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.reading import Reading, Window
from mltest.shared.energy.result import EnergyResult, Quantity, energy_result, power_result
from mltest.shared.energy.rounds import RoundEnergy, RoundWindows, round_energy
from tests.energy import feeder
from tests.energy.prompt_reading import prompt_reading
from tests.machines.energy_trees import INTEL_RANGE_UJ, cpuinfo, write_tree, zones

IDLE_W, LOAD_W = 15.0, 45.0
BASE_S, LOAD_S = 0.3, 0.5
ROUNDS, INFERENCES = 6, 100
COUNTER = "sys/class/powercap/intel-rapl:0/energy_uj"


@dataclass
class Machine:
    """A fake one; its counter wraps soon."""

    root: Path
    process: "subprocess.Popen[str]"

    def go(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def longest_gap_s(self) -> float:
        """End it, and return how old its counter was at most."""
        out, _ = self.process.communicate(timeout=60)
        return int(out) / 1e9


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """The counter wraps in the first round: after about 2 J of some 60."""
    files = {**cpuinfo("Intel(R) Xeon(R)"), **zones(("intel-rapl:0", "package-0", INTEL_RANGE_UJ))}
    write_tree(tmp_path, files)
    start_uj = INTEL_RANGE_UJ - 2_000_000
    (tmp_path / COUNTER).write_text(f"{start_uj:<{feeder.DIGITS}d}\n")
    command = [sys.executable, feeder.__file__, str(tmp_path / COUNTER), str(IDLE_W), str(LOAD_W), str(start_uj)]
    command += [str(INTEL_RANGE_UJ)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Machine(tmp_path, process)
        process.kill()


def span(meter: Meter, readings: list[Reading], seconds: float) -> Window:
    """Read at both ends of a window that begins now, and return it."""
    first = prompt_reading(meter)
    threading.Event().wait(seconds)  # nothing is waited for: power takes time to become energy
    second = prompt_reading(meter)
    readings += [first, second]
    return Window(begin_ns=first.end_ns, end_ns=second.begin_ns)


def test_watts_of_a_live_counter_are_recovered_within_the_error_bar(machine: Machine) -> None:
    (meter,) = RaplPowercap().discover(MeterSite(root=machine.root))
    assert not isinstance(meter, Unavailable)
    meter.open()
    readings: list[Reading] = []
    windows = []
    for index in range(ROUNDS):
        before = span(meter, readings, BASE_S)
        machine.go("load")
        load = span(meter, readings, LOAD_S)
        machine.go("idle")
        after = span(meter, readings, BASE_S)
        windows.append(
            RoundWindows(round_index=index, before=before, load=load, after=after, inference_count=INFERENCES)
        )
    meter.close()
    # A fake counter has no scale error; at the worst it was as old as this busy machine made it.
    exact = Boundary(replace(meter.spec, gain_u_ratio=0.0), "cpu.package", ("cpu.package-0",))
    stale = Boundary(replace(exact.spec, update_s=max(machine.longest_gap_s(), 1e-3)), exact.name, exact.domain_ids)

    rounds = [one for each in windows if isinstance(one := round_energy(exact, readings, each), RoundEnergy)]
    found = power_result(stale, [one.load_w for one in rounds], LOAD_S)
    net = energy_result(stale, rounds, Quantity.NET)

    assert readings[-1].values["cpu.package-0"] < readings[0].values["cpu.package-0"], "it has to wrap"
    assert isinstance(found, EnergyResult), (found, rounds)
    assert isinstance(net, EnergyResult)
    assert abs(found.value - LOAD_W) <= found.uncertainty.u95, found.text()
    true_j = (LOAD_W - IDLE_W) * sum(one.duration_s for one in rounds) / len(rounds) / INFERENCES
    assert abs(net.value - true_j) <= net.uncertainty.u95, net.text()
