"""The shipped units, looked at by systemd's own tools."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = ("mltest-agent.service", "mltest-coordinator.service")

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; apt-get install systemd makes it run"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would be installed, their program being the one in this environment."""
    for name in UNITS:
        text = (ROOT / "systemd" / name).read_text()
        text = text.replace("/opt/mltest/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / name).write_text(text.replace("/opt/mltest/README.md", str(ROOT / "README.md")))
    return tmp_path


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit_without_a_word(installed: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_exposes_little(installed: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(installed / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 1.5


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_with_an_unknown_setting_is_noticed(installed: Path, name: str) -> None:
    unit = installed / name
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nProtectEverything=yes"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "ProtectEverything" in done.stderr
