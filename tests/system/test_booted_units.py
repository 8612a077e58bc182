"""The installed units under a real systemd: who can reach what, and what is left when something ends.

One boot for the short tests. The machine is an overlay of this one, see tests/system/booted.py; what a nested systemd
cannot do is switched off there by name: PrivateUsers=. The kernel here may lack the memory and pids controllers, so
MemoryMax= and TasksMax= are not tested.
"""

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.system.booted import Booted, booted, needs_boot
from tests.system.hostile_model import LEFT_BEHIND, told, write_hostile_model
from tests.system.installed import PYTHON, Installed, installation

pytestmark = [needs_boot, pytest.mark.xdist_group("booted")]

GONE_S = 1.0
STARTED_S = 90.0
WATCHDOG_S = 3
_COUNTERS = """
mount -t tmpfs tmpfs sys/class
mkdir -p sys/class/powercap/intel-rapl:0
cd sys/class/powercap/intel-rapl:0
echo package-0 > name
echo 262143328850 > max_energy_range_uj
echo 123456789 > energy_uj
chmod 0400 energy_uj max_energy_range_uj
cd -
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("booted")
    write_hostile_model(folder)
    files = f"mkdir -p opt/files && cp {folder}/hostile.pkl {folder}/rows.npz opt/files/\n"
    with booted(folder, installation() + files + _COUNTERS) as machine:
        made = Installed(machine)
        watchdog = f"[Service]\nWatchdogSec={WATCHDOG_S}\nTimeoutStopSec=3\n"
        machine.write("/etc/systemd/system/mltest-agent.service.d/watchdog.conf", watchdog)
        made.start("--name", "lab-1", "--no-advertise", "--allow-pickle")
        yield made


@pytest.fixture
def machine(installed: Installed) -> Booted:
    """The machine, whatever its agent does at the moment."""
    return installed.machine


@pytest.fixture
def idle(installed: Installed) -> None:
    """The agent of the machine has looked at it, and nobody uses the worker unit."""
    installed.wait_until_idle(STARTED_S)


def until_none(machine: Booted, pattern: str, limit_s: float) -> None:
    """Return as soon as no process has `pattern` in its command line."""
    deadline_s = time.monotonic() + limit_s
    while found := machine.processes(pattern):
        assert time.monotonic() < deadline_s, f"{pattern}: {found} after {limit_s:g} s"


def until_some(machine: Booted, pattern: str, limit_s: float = STARTED_S) -> list[int]:
    deadline_s = time.monotonic() + limit_s
    while not (found := machine.processes(pattern)):
        assert time.monotonic() < deadline_s, f"no {pattern} within {limit_s:g} s: {machine.journal()}"
    return found


def hostile_visit(installed: Installed) -> dict[str, str]:
    """Have a hostile pickle measured; return what became of what it tried, none of which succeeded."""
    text = installed.submit("/opt/files/hostile.pkl", "/opt/files/rows.npz", "--allow-pickle")
    until_none(installed.machine, LEFT_BEHIND, GONE_S)
    until_none(installed.machine, "mltest.agent.worker.worker", GONE_S)
    found = told(text)
    uid = int(found.pop("uid").removeprefix("got:"))
    assert uid not in {0, installed.agent_uid()}
    assert found.pop("nets") == "got:lo"
    assert {name: outcome for name, outcome in found.items() if outcome.startswith("got:")} == {}
    return found


@pytest.mark.promise(11, 20, 21)
@pytest.mark.usefixtures("idle")
def test_a_hostile_pickle_reaches_nothing_and_leaves_nothing(installed: Installed) -> None:
    found = hostile_visit(installed)

    assert {"state", "home", "root", "etc", "shadow", "energy", "program", "tcp", "udp", "unix"} <= set(found)


@pytest.mark.long
@pytest.mark.usefixtures("idle")
def test_nothing_of_one_visit_is_seen_in_the_next(installed: Installed) -> None:
    for _ in range(3):
        assert hostile_visit(installed)["canary"] == "ENOENT"


_READS = """
from mltest.agent.power.client import PowerClient

power = PowerClient.connect()
(domain,) = power.domains()
print(domain.label, domain.max_energy_uj, power.read(domain.name).energy_uj)
print(power.read("../../../../etc/shadow").absent)
power.close()
"""
_STRANGER = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")


@pytest.mark.promise(25)
def test_only_the_helper_reads_energy_counters(installed: Installed, machine: Booted) -> None:
    path = "/sys/class/powercap/intel-rapl:0/energy_uj"
    agent = installed.as_agent("cat", path)
    assert agent.returncode == 1
    assert "Permission denied" in agent.stderr

    helped = installed.as_agent(PYTHON, "-c", _READS)

    assert helped.stdout == "package-0 262143328850 123456789\nthere is no such domain\n", helped.stderr
    stranger = machine.run(*_STRANGER, PYTHON, "-c", _READS, check=False)
    assert "Permission denied" in stranger
    assert int(machine.property("mltest-powerd.service", "MainPID")) > 0
    helper = installed.status_of("mltest-powerd.service")
    assert helper["CapEff"] == helper["CapBnd"] == f"{1 << 2:016x}"
    assert int(helper["Uid"].split()[0]) not in {0, installed.agent_uid()}


_HOLD = """
import socket, sys
def connect():
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.settimeout(60)
    channel.connect("/run/mltest/worker.sock")
    return channel
first = connect()
print(b"ready" in first.recv(1000), flush=True)
print(repr(connect().recv(1000)), flush=True)
sys.stdin.readline()
"""


@pytest.mark.usefixtures("idle")
def test_a_second_connection_is_refused_while_the_first_lasts(machine: Booted) -> None:
    holder = subprocess.Popen(
        machine.command(PYTHON, "-c", _HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert holder.stdout.readline() == "b''\n"
        assert len(machine.processes("worker-host")) == 1
        holder.kill()
    until_none(machine, "worker-host", GONE_S)


def test_a_stranger_cannot_start_workers(machine: Booted) -> None:
    code = "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('/run/mltest/worker.sock')"
    said = machine.run(*_STRANGER, PYTHON, "-c", code, check=False)
    assert "PermissionError" in said


_VISIT = """
import asyncio, sys, tempfile
from pathlib import Path
from mltest.agent.launch.unit_launcher import UnitLauncher
from mltest.shared.children.child import ChildLimits

async def main():
    room = UnitLauncher(Path("/run/mltest/worker.sock")).room(Path(tempfile.mkdtemp()))
    await room.open()
    child = await room.spawn("tests.unit.shared.child_of_tests", limits=ChildLimits(), environment={})
    await child.request({"command": "leave_behind", "seconds": "98765"}, timeout_s=60, what="leaving")
    print("left", flush=True)
    sys.stdin.readline()
    await room.close()

asyncio.run(main())
"""


@pytest.mark.promise(18)
@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("end", ["closed", "killed"])
def test_what_an_unconfined_worker_left_behind_ends_with_its_visit(
    installed: Installed, machine: Booted, end: str
) -> None:
    """The user of the agent makes the visit, because a confined worker cannot even start a process."""
    with installed.popen_as_agent(PYTHON, "-c", _VISIT) as visit:
        assert visit.stdout is not None
        assert visit.stdin is not None
        assert visit.stdout.readline() == "left\n"
        assert len(machine.processes(LEFT_BEHIND)) == 1
        if end == "closed":
            visit.stdin.write("\n")
            visit.stdin.flush()
        else:
            machine.run("pkill", "--signal", "KILL", "-f", "room = UnitLauncher")
        until_none(machine, LEFT_BEHIND, GONE_S)
        until_none(machine, "worker-host", GONE_S)


@pytest.mark.promise(18)
def test_the_death_of_the_agent_ends_its_workers_and_it_comes_back(installed: Installed, machine: Booted) -> None:
    machine.run("systemctl", "restart", "mltest-agent")
    workers = until_some(machine, "probe_child") + until_some(machine, "worker-host")
    before = machine.property("mltest-agent", "MainPID")

    machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "mltest-agent")

    killed_s = time.monotonic()
    while left := set(workers) & {*machine.processes("probe_child"), *machine.processes("worker-host")}:
        assert time.monotonic() < killed_s + GONE_S, left
    until_some(machine, "mltest-agent serve")
    installed.wait_until_idle(STARTED_S)
    assert machine.property("mltest-agent", "MainPID") != before


@pytest.mark.promise(43)
def test_a_hung_agent_is_restarted(installed: Installed, machine: Booted) -> None:
    restarts = int(machine.property("mltest-agent", "NRestarts"))
    before = machine.property("mltest-agent", "MainPID")
    started_s = time.monotonic()

    machine.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", "mltest-agent")

    while machine.property("mltest-agent", "MainPID") in {before, "0"}:
        assert time.monotonic() - started_s < 60, machine.journal()
    assert int(machine.property("mltest-agent", "NRestarts")) == restarts + 1
    assert "watchdog" in machine.run("journalctl", "--no-pager", "-u", "mltest-agent").lower()


@pytest.mark.promise(37)
def test_stopping_the_agent_is_quick_and_leaves_no_process(installed: Installed, machine: Booted) -> None:
    machine.run("systemctl", "restart", "mltest-agent")
    until_some(machine, "probe_child")

    machine.run("systemctl", "stop", "mltest-agent")

    assert machine.property("mltest-agent", "Result") == "success", "systemd had to end it"
    until_none(machine, "mltest-agent serve", GONE_S)
    until_none(machine, "worker-host", GONE_S)
    until_none(machine, "probe_child", GONE_S)
    machine.run("systemctl", "start", "mltest-agent")


def test_the_state_of_an_agent_survives_its_user(installed: Installed, machine: Booted) -> None:
    first = installed.agent_id()

    machine.run("systemctl", "restart", "mltest-agent")

    assert installed.agent_id() == first
    assert installed.agent_uid() != 0
    assert machine.property("mltest-agent", "DynamicUser") == "yes"
    assert machine.run("ls", "-ld", "/var/lib/private/mltest-agent").startswith("drwx------")
