"""The same counters, read by other people's software: in the cases that they handle, we agree to one step.

They have the paths of the kernel in their source, so they run in a mount namespace in which our folder is /sys/class.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mltest.agent.meters.rapl_powercap import RaplPowercap
from mltest.agent.meters.role import MeterSite, Unavailable
from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.reading import Window
from mltest.shared.energy.window_energy import WindowEnergy, window_energy
from tests.energy.prompt_reading import prompt_reading
from tests.machines.energy_trees import INTEL_RANGE_UJ, cpuinfo, write_tree

ORACLES = Path(__file__).resolve().parents[2] / "build" / "oracles"
"""In no environment: pyRAPL brings a package named tests, Zeus brings pandas."""
POWERCAP = "sys/class/powercap"
DEVICES = "sys/devices/virtual/powercap/intel-rapl"
ZONES = {"package-0": "intel-rapl:0", "dram": "intel-rapl:0/intel-rapl:0:0"}
"""Folders below DEVICES, by their label."""
BEFORE_UJ = {"package-0": 1_234_567_891, "dram": 456_789_012}
USED_UJ = {"package-0": 45_678_901, "dram": 3_210_987}

# Each reads, lets the counters move on, reads again, and prints microjoules of package and memory.
_MOVE = """
def move():
    for path, energy_uj in json.loads(sys.argv[1]).items():
        open(path, "w").write(f"{energy_uj}\\n")
"""
PYRAPL = f"""
import json, logging, sys, warnings
logging.disable(); warnings.simplefilter("ignore")
import pyRAPL
{_MOVE}
pyRAPL.setup(devices=[pyRAPL.Device.PKG, pyRAPL.Device.DRAM], socket_ids=[0])
measurement = pyRAPL.Measurement("x")
measurement.begin(); move(); measurement.end()
print(json.dumps([measurement.result.pkg[0], measurement.result.dram[0]]))
"""
ZEUS = f"""
import json, logging, sys, warnings
logging.disable(); warnings.simplefilter("ignore")
from zeus.device.cpu.rapl import RAPLFile
{_MOVE}
if __name__ == "__main__":
    zone = "/sys/class/powercap/intel-rapl/intel-rapl:0"
    files = [RAPLFile(zone), RAPLFile(zone + "/intel-rapl:0:0")]
    before = [file.read() for file in files]
    move()
    print(json.dumps([(file.read() - first) * 1e3 for file, first in zip(files, before)]))
    for file in files:
        file.wraparound_tracker._stop()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One socket with memory; the class has links into a tree of devices, as in the kernel."""
    files = {**cpuinfo("Intel(R) Xeon(R)")}
    for label, folder in ZONES.items():
        files[f"{DEVICES}/{folder}/name"] = f"{label}\n"
        files[f"{DEVICES}/{folder}/energy_uj"] = f"{BEFORE_UJ[label]}\n"
        files[f"{DEVICES}/{folder}/max_energy_range_uj"] = f"{INTEL_RANGE_UJ}\n"
    write_tree(tmp_path, files)
    (tmp_path / POWERCAP).mkdir(parents=True)
    for target in ("", *ZONES.values()):
        (tmp_path / POWERCAP / (Path(target).name or "intel-rapl")).symlink_to(tmp_path / DEVICES / target)
    return tmp_path


def set_counters(root: Path, counts_uj: Mapping[str, int]) -> None:
    for label, energy_uj in counts_uj.items():
        (root / DEVICES / ZONES[label] / "energy_uj").write_text(f"{energy_uj}\n")


def needs_namespace() -> None:
    """Skip where this user may not make one."""
    probe = ["unshare", "-rm", "true"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace here: sudo sysctl kernel.unprivileged_userns_clone=1 makes it run")


def needs(module: str, package: str) -> None:
    if not (ORACLES / module).is_dir():
        pytest.skip(f"pip install --target build/oracles {package} makes it run")


def by_another(program: str, root: Path) -> list[float]:
    """Return what `program` says that was used while the counters moved on."""
    moved = {str(root / DEVICES / ZONES[label] / "energy_uj"): BEFORE_UJ[label] + USED_UJ[label] for label in ZONES}
    inside = 'mount --bind "$1" /sys/class && shift && exec "$@"'
    script = root / "script.py"
    script.write_text(program)
    command = ["unshare", "-rm", "sh", "-c", inside, "sh", str(root / "sys/class"), sys.executable, str(script)]
    done = subprocess.run(
        [*command, json.dumps(moved)],
        env=os.environ | {"PYTHONPATH": str(ORACLES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def by_us(root: Path) -> list[float]:
    """Return the same by our meter and engine, from the same beginning."""
    set_counters(root, BEFORE_UJ)
    (meter,) = RaplPowercap().discover(MeterSite(root=root))
    assert not isinstance(meter, Unavailable), meter
    meter.open()
    first = prompt_reading(meter)
    set_counters(root, {label: BEFORE_UJ[label] + USED_UJ[label] for label in ZONES})
    second = prompt_reading(meter)
    meter.close()
    window = Window(begin_ns=first.end_ns, end_ns=second.begin_ns)
    each = [
        window_energy(Boundary(meter.spec, name, (name,)), [first, second], window)
        for name in ("cpu.package-0", "cpu.package-0.dram")
    ]
    return [found.energy_j * 1e6 for found in each if isinstance(found, WindowEnergy)]


@pytest.mark.parametrize(
    ("module", "package", "program"),
    [("pyRAPL", "pyRAPL==0.2.3.1", PYRAPL), ("zeus", "zeus==0.16.0", ZEUS)],
    ids=["pyRAPL", "Zeus"],
)
def test_where_nothing_wraps_others_read_the_same_joules(module: str, package: str, program: str, root: Path) -> None:
    needs(module, package)
    needs_namespace()

    theirs = by_another(program, root)

    assert by_us(root) == pytest.approx(theirs, abs=1.0)
    assert theirs == pytest.approx(list(USED_UJ.values()), abs=1.0)


def test_our_meter_reads_the_joules_that_were_used(root: Path) -> None:
    assert by_us(root) == pytest.approx(list(USED_UJ.values()), abs=1.0)
