"""The shipped units, looked at by systemd's own tools."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPOSURE = {
    "mltest-agent.service": 1.5,
    "mltest-coordinator.service": 1.5,
    "mltest-worker@.service": 1.2,
    "mltest-powerd.service": 1.0,
}
"""What systemd-analyze security may say at most: 0 is shut, 10 is open."""
SOCKETS = ("mltest-worker.socket", "mltest-powerd.socket")
UNITS = (*EXPOSURE, *SOCKETS)
GPU_EXPOSURE = 1.2
DROP_INS = {"mltest-agent-perf.conf": 2.0, "mltest-agent-devices.conf": 1.8}
"""Of the agent, by what they add to it."""

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; apt-get install systemd makes it run"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would be installed, their program being the one in this environment."""
    for name in UNITS:
        text = (ROOT / "systemd" / name).read_text()
        text = text.replace("/opt/mltest/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / name).write_text(text.replace("/opt/mltest/", f"{ROOT}/"))
    return tmp_path


def verified(unit: Path) -> "subprocess.CompletedProcess[str]":
    """Let systemd read a unit together with those that were installed with it."""
    variables = os.environ | {"SYSTEMD_UNIT_PATH": f"{unit.parent}:"}
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def exposure(unit: Path) -> float:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


def with_gpu(installed: Path) -> Path:
    """Install the drop-in for machines with a GPU; return the unit of the workers."""
    folder = installed / "mltest-worker@.service.d"
    folder.mkdir()
    shutil.copy(ROOT / "systemd" / "mltest-worker-gpu.conf", folder / "gpu.conf")
    return installed / "mltest-worker@.service"


def with_drop_in(installed: Path, name: str) -> Path:
    """Install a drop-in of the agent; return its unit."""
    folder = installed / "mltest-agent.service.d"
    folder.mkdir()
    shutil.copy(ROOT / "systemd" / name, folder / name)
    return installed / "mltest-agent.service"


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit_without_a_word(installed: Path, name: str) -> None:
    done = verified(installed / name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_accepts_workers_with_a_gpu_without_a_word(installed: Path) -> None:
    done = verified(with_gpu(installed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.promise(23)
@pytest.mark.parametrize(("name", "limit"), EXPOSURE.items())
def test_the_unit_exposes_little(installed: Path, name: str, limit: float) -> None:
    assert exposure(installed / name) <= limit


@pytest.mark.promise(23)
def test_workers_with_a_gpu_expose_little(installed: Path) -> None:
    assert exposure(installed / "mltest-worker@.service") < exposure(with_gpu(installed)) <= GPU_EXPOSURE


@pytest.mark.parametrize("name", DROP_INS)
def test_systemd_accepts_an_agent_with_meters_without_a_word(installed: Path, name: str) -> None:
    done = verified(with_drop_in(installed, name))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.promise(23)
@pytest.mark.parametrize(("name", "limit"), DROP_INS.items())
def test_an_agent_with_meters_exposes_little_more(installed: Path, name: str, limit: float) -> None:
    plain = exposure(installed / "mltest-agent.service")
    assert plain < exposure(with_drop_in(installed, name)) <= limit


def test_counters_are_granted_to_the_group_and_to_nobody_else() -> None:
    lines = [
        line.split()
        for line in (ROOT / "systemd" / "mltest-powercap.tmpfiles.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert {(kind, mode, user, group) for kind, _, mode, user, group, *_ in lines} == {("z", "0440", "root", "mltest")}


@pytest.mark.promise(23)
def test_a_unit_that_got_laxer_is_noticed(installed: Path) -> None:
    unit = installed / "mltest-worker@.service"
    unit.write_text(re.sub(r"^(PrivateNetwork|RestrictAddressFamilies)=.*$", "", unit.read_text(), flags=re.MULTILINE))
    assert exposure(unit) > EXPOSURE[unit.name]


@pytest.mark.parametrize("name", EXPOSURE)
def test_a_unit_with_an_unknown_setting_is_noticed(installed: Path, name: str) -> None:
    unit = installed / name
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nProtectEverything=yes"))
    assert "ProtectEverything" in verified(unit).stderr


def test_every_shipped_unit_is_looked_at() -> None:
    shipped = {path.name for path in (ROOT / "systemd").iterdir() if path.suffix in {".service", ".socket"}}
    assert shipped == set(UNITS)
