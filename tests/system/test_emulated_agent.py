"""An aarch64 agent under user-mode emulation on the tree of a Jetson: it finds the board, and calls itself invalid."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.machines.energy_trees import agx_orin, write_tree
from tests.processes import BIN, ProcessGroup

CHECKOUT = Path(__file__).resolve().parents[2]
MACHINE = CHECKOUT / "build" / "aarch64"
_TIMEOUT_S = 300.0

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (shutil.which("qemu-aarch64") and (MACHINE / "complete").exists()),
        reason="apt install qemu-user && make aarch64-root",
    ),
]


@dataclass(frozen=True, slots=True)
class Emulated:
    """A machine that qemu-aarch64 plays."""

    python: Path
    root: Path

    def agent(self, *arguments: str) -> str:
        """Return what mltest-agent says."""
        command = [str(self.python), "-I", "-m", "mltest.agent.cli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def jetson(tmp_path: Path) -> Emulated:
    """An AGX Orin: its own /sys, the files of Debian for aarch64, and this software.

    `python` is a script, so that children which an agent starts are emulated as well. What the tree has below /proc is
    left out: the emulator would show nothing else there, and an agent would not find the processes that it has to end.
    """
    root, environment = tmp_path / "root", tmp_path / "venv"
    write_tree(root, {path: text for path, text in agx_orin().items() if not path.startswith("proc/")})
    for name in ("usr", "lib", "etc"):
        (root / name).symlink_to(MACHINE / name)
    real = next((MACHINE / "usr/bin").glob("python3.[0-9]*"))
    packages = environment / "lib" / real.name / "site-packages"
    packages.mkdir(parents=True)
    (packages / "mltest.pth").write_text(
        "".join(f"{CHECKOUT / name}\n" for name in ("agent", "coordinator", "shared", "proto"))
    )
    (environment / "pyvenv.cfg").write_text(f"home = {real.parent}\ninclude-system-site-packages = true\n")
    python = environment / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec qemu-aarch64 -0 "$0" -L {root} {real} "$@"\n')
    python.chmod(0o755)
    return Emulated(python, root)


def test_it_finds_the_board_and_calls_its_energy_invalid(jetson: Emulated) -> None:
    found = json.loads(jetson.agent("meters", "--json"))
    (meter,) = found["meters"]
    assert (meter["spec"]["meter"], meter["boundaries"]) == ("jetson-ina", {"board": ["board"]})
    assert "qemu-aarch64 plays the processor" in found["invalid"]
    assert jetson.agent("meters").startswith("invalid: qemu-aarch64 plays the processor")


def test_the_rails_of_the_tree_make_the_total_of_the_board(jetson: Emulated, tmp_path: Path) -> None:
    jetson.agent("meters", "record", str(tmp_path / "readings"), "--meter", "jetson-ina", "--seconds", "0.2")
    _, *readings = (tmp_path / "readings").read_text().splitlines()
    values = json.loads(readings[0])["values"]
    total_w = sum(values[f"rail.{name}"] for name in ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"))
    assert total_w == pytest.approx(36.8), readings[0]


def test_what_it_says_of_itself_names_the_emulator(jetson: Emulated) -> None:
    code = (
        "import json\n"
        "from mltest.agent.probe.probe_child import probe_host\n"
        "print(json.dumps(probe_host({'plugs': [], 'root': '/', 'simulated_w': None})))\n"
    )
    command = [str(jetson.python), "-I", "-c", code]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout)
    assert found["host"]["architecture"] == "aarch64"
    assert found["host"]["emulator"] == "qemu-aarch64"
    (meter,) = [one for one in found["meters"] if one["name"] == "jetson-ina"]
    assert not meter["is_available"]
    assert "qemu-aarch64 plays the processor" in meter["reason"]


def test_what_it_times_has_the_class_emulated(jetson: Emulated) -> None:
    code = (
        "from mltest.agent.host.machine_watch import MachineWatch\n"
        "watch = MachineWatch()\n"
        "watch.begin([])\n"
        "state = watch.end([])\n"
        "print(state.machine_class.value, state.settings['emulator'])\n"
    )
    command = [str(jetson.python), "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    assert done.stdout.split() == ["emulated", "qemu-aarch64"], done.stderr


def test_a_coordinator_is_told_that_an_emulator_plays_its_processor(
    jetson: Emulated, tmp_path: Path, processes: ProcessGroup
) -> None:
    host = (str(jetson.python), "-I", "-c", _SERVE)
    agent = processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0", host=host)
    command = [str(BIN / "mltest-coordinator"), "agents", "--state-dir", str(tmp_path / "home"), "--no-discovery"]
    command += ["--agent", agent.address]

    described = _described([*command, "--json"])
    table = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout

    assert described["host"]["architecture"] == "aarch64"
    assert described["host"]["emulator"] == "qemu-aarch64"
    (meter,) = [one for one in described["meters"] if one["name"] == "jetson-ina"]
    assert not meter["is_available"]
    assert "qemu-aarch64 plays the processor" in meter["reason"]
    assert "emulated" in table


_SERVE = "import sys\nfrom mltest.agent.cli import main\nsys.exit(main(sys.argv[2:]))\n"
"""Behind it stands the path of a program of this machine, which is left out."""
_DESCRIBED_TRIES = 6


def _described(command: list[str]) -> dict[str, Any]:
    """Return what an agent says of itself: once it has looked at its machine, for which each call waits 30 s."""
    for _ in range(_DESCRIBED_TRIES):
        (found,) = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout)
        if found["agent"] is not None:
            return dict(found["agent"])
    raise AssertionError(found["reason"])
