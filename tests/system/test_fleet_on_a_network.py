"""Two agents and a coordinator on hosts of their own, which find each other by multicast DNS alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobEvent, JobSpec, JobState, Standing, VisitUpdated
from tests.models import ModelFiles
from tests.processes import ProcessGroup
from tests.system.lan import Host, lan, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.xdist_group("network")]

DEADLINE_S = 240.0
PLAN = "[job]\nrounds = 2\n"


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left", "right"]) as made:
        yield made


async def submit(api: CoordinatorApi, files: ModelFiles) -> str:
    spec = JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=PLAN,
        uses_local_agent=False,
    )
    return await api.submit(spec)


def measures_on(event: JobEvent, agent: str) -> bool:
    update = event.event
    return (
        isinstance(update, VisitUpdated)
        and update.agent_name == agent
        and update.outcome is None
        and 0 < update.done_ratio < 1
    )


async def test_one_job_runs_on_both_and_an_agent_that_dies_repeats_its_visit(
    hosts: dict[str, Host], forest: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    options = ("--insecure", "--name")
    processes.agent(tmp_path / "left", *options, "left", host=hosts["left"].command())
    victim = processes.agent(tmp_path / "right", *options, "right", host=hosts["right"].command())
    processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    async with asyncio.timeout(DEADLINE_S):
        job_id = await submit(api, forest)
        attempts = set()
        killed = False
        async for event in api.watch(job_id):
            if measures_on(event, "right") and not killed:
                killed = True
                victim.kill()
                processes.agent(tmp_path / "right", *options, "right", host=hosts["right"].command())
            if isinstance(event.event, VisitUpdated) and event.event.agent_name == "right":
                attempts.add(event.event.attempt)
        found = await api.results(job_id)
    await api.close()
    assert found.job.state is JobState.DONE, found.job.reason
    assert attempts == {1, 2}
    ranked = {(row.agent_name, row.label) for row in found.standings.rows if row.standing is Standing.RANKED}
    assert {agent for agent, _ in ranked} == {"left", "right"}
    assert len(ranked) == 6


async def test_an_agent_that_dies_for_good_leaves_the_results_of_the_other(
    hosts: dict[str, Host], forest: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    options = ("--insecure", "--name")
    processes.agent(tmp_path / "left", *options, "left", host=hosts["left"].command())
    victim = processes.agent(tmp_path / "right", *options, "right", host=hosts["right"].command())
    processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    async with asyncio.timeout(DEADLINE_S):
        spec = JobSpec(
            model=await api.put_file(forest.model),
            data=(await api.put_file(forest.data),),
            plan_toml=PLAN + "agent_return_s = 1.0\n",
            uses_local_agent=False,
        )
        job_id = await api.submit(spec)
        async for event in api.watch(job_id):
            if measures_on(event, "right"):
                victim.kill()
        found = await api.results(job_id)
    await api.close()
    assert found.job.state is JobState.DONE, found.job.reason
    ranked = {row.agent_name for row in found.standings.rows if row.standing is Standing.RANKED}
    assert ranked == {"left"}
    lost = [row for row in found.standings.rows if row.agent_name == "right"]
    assert lost
    assert all(row.reason for row in lost)


async def test_the_fleet_lists_who_is_alive_and_who_said_goodbye(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path
) -> None:
    left = processes.agent(tmp_path / "left", "--insecure", "--name", "left", host=hosts["left"].command())
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
