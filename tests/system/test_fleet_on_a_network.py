"""Two agents and a coordinator on hosts of their own, which find each other by multicast DNS alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mltest.agent.joining import join
from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.coordinator.trust import invite
from mltest.shared.domain import JobEvent, JobSpec, JobState, Standing, VisitUpdated
from tests.enrolling import enrol
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running
from tests.system.lan import Host, lan, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.xdist_group("network")]

DEADLINE_S = 240.0
PLAN = """
[job]
rounds = 1
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 400, slice_s = 0.005, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[candidates]
runtimes = ["onnxruntime"]
transforms = ["none"]
skip = ["*, *"]
"""


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left", "right"]) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Fleet:
    """Agents left and right on hosts of their own, and the coordinator on a third."""

    api: CoordinatorApi
    right: Running
    start_right: Callable[[], Running]
    """Starts the agent on the right host once more, with its state."""

    async def submit(self, files: ModelFiles, plan: str = PLAN) -> str:
        spec = JobSpec(
            model=await self.api.put_file(files.model),
            data=(await self.api.put_file(files.data),),
            plan_toml=plan,
            uses_local_agent=False,
        )
        return await self.api.submit(spec)


@pytest.fixture
async def fleet(hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path) -> AsyncIterator[Fleet]:
    def start(name: str) -> Running:
        return processes.agent(tmp_path / name, "--name", name, host=hosts[name].command())

    for name in ("left", "right"):
        enrol(tmp_path / name, tmp_path / "home")
    start("left")
    right = start("right")
    processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    yield Fleet(api, right, lambda: start("right"))
    await api.close()


def measures_on(event: JobEvent, agent: str) -> bool:
    update = event.event
    return (
        isinstance(update, VisitUpdated)
        and update.agent_name == agent
        and update.outcome is None
        and 0 < update.done_ratio < 1
    )


@pytest.mark.promise(26)
async def test_one_job_runs_on_both_and_an_agent_that_dies_repeats_its_visit(fleet: Fleet, tiny: ModelFiles) -> None:
    attempts = set()
    killed = False
    async with asyncio.timeout(DEADLINE_S):
        job_id = await fleet.submit(tiny)
        async for event in fleet.api.watch(job_id):
            if measures_on(event, "right") and not killed:
                killed = True
                fleet.right.kill()
                fleet.start_right()
            if isinstance(event.event, VisitUpdated) and event.event.agent_name == "right":
                attempts.add(event.event.attempt)
        found = await fleet.api.results(job_id)
    assert found.job.state is JobState.DONE, found.job.reason
    assert attempts == {1, 2}
    ranked = {(row.agent_name, row.label) for row in found.standings.rows if row.standing is Standing.RANKED}
    assert ranked == {("left", "onnxruntime"), ("right", "onnxruntime")}


@pytest.mark.long
async def test_an_agent_that_dies_for_good_leaves_the_results_of_the_other(fleet: Fleet, tiny: ModelFiles) -> None:
    async with asyncio.timeout(DEADLINE_S):
        job_id = await fleet.submit(tiny, PLAN.replace("rounds = 1", "rounds = 1\nagent_return_s = 1.0"))
        async for event in fleet.api.watch(job_id):
            if measures_on(event, "right"):
                fleet.right.kill()
        found = await fleet.api.results(job_id)
    assert found.job.state is JobState.DONE, found.job.reason
    ranked = {row.agent_name for row in found.standings.rows if row.standing is Standing.RANKED}
    assert ranked == {"left"}
    lost = [row for row in found.standings.rows if row.agent_name == "right"]
    assert lost
    assert all(row.reason for row in lost)


async def test_the_fleet_lists_who_is_alive_and_who_said_goodbye(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path
) -> None:
    enrol(tmp_path / "left", tmp_path / "home")
    left = processes.agent(tmp_path / "left", "--name", "left", host=hosts["left"].command())
    processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    async with asyncio.timeout(DEADLINE_S):
        (alive,) = await api.agents()
        assert (alive.is_alive, alive.source) == (True, "mdns")
        assert alive.agent is not None
        assert alive.agent.name == "left"
        assert alive.address.startswith(hosts["left"].address)
        assert left.stop() == 0
        (gone,) = await api.agents()
    await api.close()
    assert not gone.is_alive
    assert gone.reason


@pytest.mark.promise(2)
async def test_an_agent_that_nobody_enrolled_is_listed_and_gets_no_byte_until_it_is_joined(
    hosts: dict[str, Host], processes: ProcessGroup, tiny: ModelFiles, tmp_path: Path
) -> None:
    home, stranger = tmp_path / "home", tmp_path / "right"
    # Both hosts have the file system, and thereby the user, in common: what counts is that nothing here is loopback.
    options = ("--listen", "0.0.0.0", "--name", "right")
    right = processes.agent(stranger, *options, host=hosts["right"].command())
    processes.coordinator(home, "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(home, needs_to_run=False)
    fleet = Fleet(api, right, lambda: right)
    async with asyncio.timeout(DEADLINE_S):
        (listed,) = await api.agents()
        assert (listed.is_stranger, listed.is_alive, listed.agent) == (True, False, None)
        assert listed.advertised_name == "right"
        assert right.listening["agent_id"] in listed.reason
        assert "mltest-agent join -" in listed.reason

        job_id = await fleet.submit(tiny, PLAN)
        told = [str(event) async for event in api.watch(job_id)]
        assert (await api.job(job_id)).state is JobState.FAILED
        assert "mltest-agent join -" in "".join(told)
        assert [path for path in (stranger / "blobs").rglob("*") if path.is_file()] == []
        assert "visit" not in (stranger / "stderr.log").read_text()

        join(stranger, invite(home, uses=1, ttl_s=600.0))
        (enrolled,) = await api.agents()
        assert enrolled.is_alive, enrolled.reason
        job_id = await fleet.submit(tiny, PLAN)
        async for _ in api.watch(job_id):
            pass
        found = await api.results(job_id)
    await api.close()
    assert found.job.state is JobState.DONE, found.job.reason
    assert {row.agent_name for row in found.standings.rows if row.standing is Standing.RANKED} == {"right"}


async def test_an_agent_that_is_joined_while_it_runs_begins_to_listen_to_the_network(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path
) -> None:
    home, state = tmp_path / "home", tmp_path / "left"
    processes.agent(state, "--name", "left", host=hosts["left"].command())
    processes.coordinator(home, "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(home, needs_to_run=False)
    async with asyncio.timeout(DEADLINE_S):
        assert await api.agents() == ()
        join(state, invite(home, uses=1, ttl_s=600.0))
        while not (found := await api.agents()) or not found[0].is_alive:
            await asyncio.sleep(0.2)
    await api.close()
    assert found[0].agent is not None
    assert found[0].agent.name == "left"
    assert found[0].address.startswith(hosts["left"].address)


async def test_an_agent_of_this_user_that_others_have_joined_is_used_over_loopback_without_joining(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path
) -> None:
    enrol(tmp_path / "left", tmp_path / "elsewhere")
    processes.agent(tmp_path / "left", "--name", "left", host=hosts["left"].command())
    processes.coordinator(tmp_path / "near", "--port", "0", host=hosts["left"].command())
    processes.coordinator(tmp_path / "far", "--port", "0", host=hosts["coordinator"].command())
    near = await open_coordinator(tmp_path / "near", needs_to_run=False)
    far = await open_coordinator(tmp_path / "far", needs_to_run=False)
    async with asyncio.timeout(DEADLINE_S):
        (here,), (there,) = await near.agents(), await far.agents()
    await near.close()
    await far.close()
    assert here.is_alive, here.reason
    assert here.address.startswith(hosts["left"].address)
    assert (there.is_alive, there.is_stranger) == (False, True)
