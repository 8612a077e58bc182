"""Ten thousand agents that do not exist, advertised on the network of two that do."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from tests.enrolling import enrol
from tests.faults.memory import MIB, peak_bytes, resident_bytes, restart_peak
from tests.processes import ProcessGroup
from tests.system.lan import Host, lan, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.xdist_group("network"), pytest.mark.promise(49)]

DEADLINE_S = 240.0
GROWTH_BYTES = 50 * MIB
PROBES_PER_MINUTE = 200
COUNT_SYN = """
table inet count {
    counter probes { }
    chain incoming { type filter hook input priority 0; tcp flags syn counter name probes; }
}
"""


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left", "right", "evil"]) as made:
        yield made


def on(host: Host, *arguments: str, text: str = "") -> str:
    command = host.command(*arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout


def probes_of(evil: Host) -> int:
    return int(on(evil, "nft", "list", "counter", "inet", "count", "probes").split("packets")[1].split()[0])


@pytest.mark.parametrize("claimed_hosts", [1, pytest.param(100, marks=pytest.mark.long)])
async def test_real_agents_are_seen_and_strangers_are_asked_seldom(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, claimed_hosts: int
) -> None:
    evil = hosts["evil"]
    on(evil, "nft", "-f", "-", text=COUNT_SYN)
    for number in range(claimed_hosts if claimed_hosts > 1 else 0):
        on(evil, "ip", "addr", "add", f"10.77.0.{100 + number}/32", "dev", "eth0")
    for name in ("left", "right"):
        enrol(tmp_path / name, tmp_path / "home")
        processes.agent(tmp_path / name, "--name", name, host=hosts[name].command())
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    try:
        async with asyncio.timeout(DEADLINE_S):
            while len([one for one in await api.agents() if one.is_alive]) < 2:
                await asyncio.sleep(0.5)
            pid = coordinator.process.pid  # ip-netns(8) replaces itself by the command that it runs
            before_bytes = resident_bytes(pid)
            restart_peak(pid)
            arguments = (evil.address, "10000", str(claimed_hosts))
            flood = evil.command(sys.executable, "-m", "tests.faults.mdns_flood", *arguments)
            flooding = await asyncio.create_subprocess_exec(*flood, stdout=subprocess.PIPE)
            start_s = time.monotonic()
            surveys = 0
            while flooding.returncode is None or surveys < 3:
                found = await api.agents()
                surveys += 1
                alive = {one.agent.name for one in found if one.is_alive and one.agent}
                assert alive == {"left", "right"}
                assert all(one.reason.isprintable() and one.address.isprintable() for one in found)
            minutes = (time.monotonic() - start_s) / 60
            assert 0 < probes_of(evil) <= PROBES_PER_MINUTE * max(1.0, minutes)
            assert peak_bytes(pid) - before_bytes < GROWTH_BYTES
    finally:
        await api.close()
