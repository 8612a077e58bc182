"""A cloned SD card: two agents with one identity, at first in front of a coordinator that is told both addresses."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import FleetAgent, JobSpec, JobState
from tests.enrolling import enrol
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running
from tests.system.lan import Host, lan, needs_namespaces

pytestmark = pytest.mark.promise(8)

ALONE = ("--port", "0", "--no-advertise")
DEADLINE_S = 120.0
QUARANTINED_S = 30.0


def copied(original: Path, copy: Path, processes: ProcessGroup) -> None:
    """Copy the state of an agent that has been started once, as a copied disk would."""
    processes.agent(original, *ALONE).stop()
    shutil.copytree(original, copy)


def assert_quarantined(agents: tuple[FleetAgent, ...], *addresses: str) -> None:
    assert {agent.address for agent in agents} == set(addresses)
    for agent in agents:
        assert agent.is_alive
        assert all(address in agent.reason for address in addresses), agent.reason


async def test_two_agents_with_one_state_directory_get_no_job_until_one_is_gone(
    processes: ProcessGroup, tiny: ModelFiles, tmp_path: Path
) -> None:
    copied(tmp_path / "original", tmp_path / "copy", processes)
    original = processes.agent(tmp_path / "original", *ALONE)
    copy = processes.agent(tmp_path / "copy", *ALONE)
    addresses = (original.address, copy.address)
    assert original.listening["agent_id"] == copy.listening["agent_id"]
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    try:
        async with asyncio.timeout(DEADLINE_S):
            assert_quarantined(await api.agents(addresses=addresses, uses_discovery=False), *addresses)

            spec = JobSpec(
                model=await api.put_file(tiny.model),
                data=(await api.put_file(tiny.data),),
                agent_addresses=addresses,
                uses_discovery=False,
                uses_local_agent=False,
            )
            job_id = await api.submit(spec)
            told = [str(event) async for event in api.watch(job_id)]
            job = await api.job(job_id)
            assert job.state is JobState.FAILED
            assert job.visits_done == 0
            assert all(address in f"{told} {job.reason}" for address in addresses)

            copy.stop()
            (alone,) = await api.agents(addresses=addresses[:1], uses_discovery=False)
            assert (alone.is_alive, alone.reason) == (True, "")
    finally:
        await api.close()


async def test_an_agent_that_is_restarted_elsewhere_is_never_taken_for_a_copy(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    addresses: list[str] = []
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    try:
        async with asyncio.timeout(DEADLINE_S):
            for _ in range(2):
                agent = processes.agent(tmp_path / "agent", *ALONE)
                addresses.append(agent.address)
                found = await api.agents(addresses=addresses, uses_discovery=False)
                assert [(one.address, one.reason) for one in found if one.is_alive] == [(agent.address, "")]
                agent.kill()
    finally:
        await api.close()


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left", "right"]) as made:
        yield made


@needs_namespaces
@pytest.mark.xdist_group("network")
@pytest.mark.parametrize("first", [pytest.param("agents", marks=pytest.mark.long), "coordinator"])
async def test_copies_that_advertise_themselves_are_quarantined_within_thirty_seconds(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, first: str
) -> None:
    enrol(tmp_path / "left", tmp_path / "home")
    copied(tmp_path / "left", tmp_path / "right", processes)

    def start(name: str) -> Running:
        return processes.agent(tmp_path / name, "--name", name, host=hosts[name].command())

    def start_coordinator() -> Running:
        return processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())

    if first == "coordinator":
        start_coordinator()
    agents = [start("left"), start("right")]
    ports = [agent.address.rpartition(":")[2] for agent in agents]
    addresses = [f"{hosts[name].address}:{port}" for name, port in zip(("left", "right"), ports, strict=True)]
    start_s = time.monotonic()
    if first == "agents":
        start_coordinator()
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    try:
        async with asyncio.timeout(QUARANTINED_S):
            while len(found := await api.agents()) != 2 or not all(agent.reason for agent in found):
                await asyncio.sleep(0.5)
        assert_quarantined(found, *addresses)
        assert time.monotonic() - start_s <= QUARANTINED_S
    finally:
        await api.close()
