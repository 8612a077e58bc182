"""A candidate that kills agents: found out on two machines, left out, and everything else goes on."""

import socket
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.domain import JobState, Standing
from tests.integration.jobs import ONE_ROUND, all_events, job_spec
from tests.models import ModelFiles
from tests.processes import ProcessGroup

pytestmark = pytest.mark.promise(39)

PLAN = ONE_ROUND.replace("agent_return_s = 20", "agent_return_s = 300").replace(
    '"onnxruntime"', '"onnxruntime", "treelite"'
)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.mark.promise(39)
async def test_a_candidate_that_kills_agents_is_left_out_after_two_of_them_and_the_others_are_ranked(
    api: CoordinatorApi, forest: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agents = []
    for name in ("x", "y", "z"):
        arguments = ("--no-advertise", "--port", free_port(), "--name", name)
        agents.append(
            processes.doctored_agent(
                tmp_path / name, ("--dies-of", "treelite", "--restarts"), *arguments, runtimes="onnxruntime,treelite"
            )
        )
    addresses = [agent.address for agent in agents]
    job_id = await api.submit(await job_spec(api, forest, *addresses, plan=PLAN))
    await all_events(api, job_id)
    results = await api.results(job_id)
    seen = {
        found.agent.name: found.flag
        for found in await api.agents(addresses=addresses, uses_discovery=False)
        if found.agent is not None
    }
    deaths = {name: (tmp_path / name / "stderr.log").read_text().count("listens on") - 1 for name in ("x", "y", "z")}

    assert results.job.state is JobState.DONE
    harmless = [row for row in results.standings.rows if "onnxruntime" in row.label]
    assert [row.standing for row in harmless] == [Standing.RANKED] * 3
    poison = [row for row in results.standings.rows if "treelite" in row.label]
    assert {row.standing for row in poison} == {Standing.FAILED}
    assert all("it took down" in row.reason and "not tried there again" in row.reason for row in poison)
    assert sorted(deaths.values())[1:] == [3, 3], deaths
    assert min(deaths.values()) <= 1, deaths
    assert sorted(bool(flag) for flag in seen.values()) == [False, True, True], seen
    assert all("it died 3 times while it was at" in flag for flag in seen.values() if flag)
