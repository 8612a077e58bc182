"""New keys on both sides while work goes on: old and new count for seven days, and nothing fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.agent.joining import join
from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.fleet.agent_doors import AgentDoors
from mltest.coordinator.home import open_coordinator
from mltest.coordinator.trust import invite
from mltest.shared.domain import JobState, Outcome, VisitUpdated
from mltest.shared.errors import MltestError
from mltest.shared.trust.identity import OVERLAP_S, keys_in, rotate_key
from mltest.shared.trust.local_peers import FOLDER_VARIABLE, LocalPeers
from mltest.shared.trust.peers import AGENT, COORDINATOR, Peers
from mltest.v1 import agent_service_pb2
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub
from tests.integration.jobs import SLOW_PLAN, all_events, events_until, is_under_way, job_spec, of_kind
from tests.integration.trusting import DEADLINE_S, Served, served_agent
from tests.models import ModelFiles
from tests.processes import ProcessGroup

pytestmark = [pytest.mark.xdist_group("trust"), pytest.mark.promise(7)]


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_agent(tmp_path / "agent") as served:
        yield served


@pytest.fixture
async def doors(agent: Served, tmp_path: Path) -> AgentDoors:
    """Those of a coordinator that has enrolled the agent."""
    home = tmp_path / "home"
    home.mkdir()
    made = AgentDoors(home, local=LocalPeers(home / "local-peers"))
    join(agent.state, invite(home, uses=1, ttl_s=60.0))
    await asked(made, agent)
    return made


async def asked(doors: AgentDoors, agent: Served) -> bytes:
    """Return the key of the agent, as it says itself."""
    (pin, *_) = doors_pins(doors)
    client = await doors.reach(agent.address, agent_id=pin)
    try:
        return await client.current_key()
    finally:
        await client.close()


def doors_pins(doors: AgentDoors) -> list[str]:
    return [pin.lasting_id for pin in doors._peers.of_role(AGENT)] or [""]


async def test_calls_and_streams_go_on_while_both_sides_change_their_keys(
    agent: Served, doors: AgentDoors, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    old_agent, old_coordinator = agent.identity, keys_in(home).current
    calls = 0
    is_over = asyncio.Event()

    async def load() -> None:
        nonlocal calls
        while not is_over.is_set():
            await asked(doors, agent)
            calls += 1

    async with agent.channel(old_coordinator) as channel:
        stream = AgentServiceStub(channel).WatchAgent(agent_service_pb2.WatchAgentRequest(), timeout=DEADLINE_S)
        await stream.read()
        loading = asyncio.create_task(load())
        for change in (agent.state, home, agent.state, home):
            before = calls
            await asyncio.to_thread(rotate_key, change)
            while calls < before + 3 and not loading.done():
                await asyncio.sleep(0.01)
        is_over.set()
        await loading
        assert not stream.done()
    assert agent.identity != old_agent
    assert await asked(doors, agent) == agent.identity.certificate_der
    assert keys_in(home).current.device_id in {peer.device_id for peer in Peers(agent.state).of_role(COORDINATOR)}
    assert {pin.lasting_id for pin in Peers(home).of_role(AGENT)} == {old_agent.device_id}


async def test_the_old_key_of_an_agent_ends_after_seven_days(agent: Served, doors: AgentDoors, tmp_path: Path) -> None:
    old = agent.identity
    rotate_key(agent.state, clock_s=lambda: 1000.0)  # long ago
    with pytest.raises(MltestError):  # who was away for all of the seven days has to join it again
        await asked(doors, agent)
    assert [pin.device_id for pin in Peers(tmp_path / "home").of_role(AGENT)] == [old.device_id]


async def test_the_old_key_of_a_coordinator_ends_after_seven_days(
    agent: Served, doors: AgentDoors, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    old = keys_in(home).current
    rotate_key(home)
    await asked(doors, agent)
    peers = Peers(agent.state)
    replaced = peers.find(old.device_id)
    assert replaced is not None
    assert replaced.until_unix_s is not None
    assert abs(replaced.until_unix_s - peers.all()[0].since_unix_s - OVERLAP_S) <= 60
    peers.put(replace(replaced, until_unix_s=1))
    assert peers.find(old.device_id) is None
    await asked(doors, agent)


async def test_a_job_goes_on_while_both_sides_change_their_keys(
    processes: ProcessGroup, tiny: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-agent"))
    agent = processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-coordinator"))
    join(tmp_path / "agent", invite(tmp_path / "home", uses=1, ttl_s=600.0))
    api: CoordinatorApi = await open_coordinator(tmp_path / "home", needs_to_run=True)
    try:
        job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=SLOW_PLAN))
        await events_until(api, job_id, is_under_way)
        for state in ("agent", "home"):
            await asyncio.to_thread(rotate_key, tmp_path / state)
        (listed,) = await api.agents(addresses=[agent.address], uses_discovery=False)
        ends = [visit for visit in of_kind(await all_events(api, job_id), VisitUpdated) if visit.outcome]
        job = await api.job(job_id)
    finally:
        await api.close()
    assert listed.is_alive, listed.reason
    assert job.state is JobState.DONE, job.reason
    assert [(visit.attempt, visit.outcome) for visit in ends] == [(1, Outcome.OK)]
