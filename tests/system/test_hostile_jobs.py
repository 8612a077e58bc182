"""Hostile models through a real coordinator to a real agent: one candidate fails, everything else goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobSpec, JobState
from tests.hostile.pickles import SECRET
from tests.hostile.processes import descendants, resident_bytes
from tests.hostile.turncoats import write_turncoat
from tests.integration.jobs import ONE_ROUND, all_events
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

ENDLESS = "while True: pass"
ATTACKS = {"open({key!r}).read()": "does what a model may not do here"}
"""What a worker is attacked with, and how its candidate ends."""
MORE_ATTACKS = {
    ENDLESS: "took longer than 8 s",
    "import os; os.abort()": "signal SIGABRT",
    "x = bytearray(1 << 40)": "it needs more memory than its limit allows",
}
"""What quick tests do to the builder, or to a worker, alone."""
PLAN = ONE_ROUND.replace('"onnxruntime"', '"scikit-learn", "onnxruntime"')
SHORT_PLAN = PLAN.replace("row_cap = 300", "row_cap = 300\nload_timeout_s = 8")
MAX_GROWTH_BYTES = 10 << 20


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all attacks: each has to find it as well as the first one did."""
    group, options = ProcessGroup(), ("--port", "0", "--no-advertise", "--allow-pickle", "--name", "lab-1")
    yield group.agent(tmp_path_factory.mktemp("agent"), *options, runtimes="scikit-learn,onnxruntime")
    group.end()


async def submitted(api: CoordinatorApi, model: Path, data: Path, agent: Running, *, plan: str = PLAN) -> str:
    spec = JobSpec(
        model=await api.put_file(model),
        data=(await api.put_file(data),),
        plan_toml=plan,
        allows_pickle=True,
        agent_addresses=(agent.address,),
        uses_discovery=False,
        uses_local_agent=False,
    )
    job_id = await api.submit(spec)
    await all_events(api, job_id)
    return job_id


async def outcomes(api: CoordinatorApi, job_id: str) -> dict[str, str]:
    """Return why each candidate failed, by runtime; "" if it did not."""
    results = await api.results(job_id)
    assert results.job.state is JobState.DONE, results.job
    runtimes = {found.candidate_id: found.runtime for found in results.candidates}
    return {runtimes[row.candidate_id]: row.reason for row in results.standings.rows}


@pytest.mark.parametrize(("attack", "words"), ATTACKS.items())
@pytest.mark.promise(11, 18, 20)
async def test_a_model_that_turns_hostile_on_the_agent_harms_itself_only(
    attack: str, words: str, agent: Running, forest: ModelFiles, tmp_path: Path
) -> None:
    await assert_harms_itself_only(attack, words, agent, forest, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("attack", "words"), MORE_ATTACKS.items())
@pytest.mark.promise(13, 14, 15, 18)
async def test_a_model_that_crashes_never_ends_or_takes_all_memory_on_the_agent_harms_itself_only(
    attack: str, words: str, agent: Running, forest: ModelFiles, tmp_path: Path
) -> None:
    await assert_harms_itself_only(attack, words, agent, forest, tmp_path)


async def assert_harms_itself_only(attack: str, words: str, agent: Running, forest: ModelFiles, tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    key.write_text(SECRET)
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    try:
        before_bytes = resident_bytes(agent.process.pid)
        model = write_turncoat(tmp_path / "model", attack.format(key=str(key)))
        plan = SHORT_PLAN if attack == ENDLESS else PLAN
        told = await outcomes(api, await submitted(api, model, forest.data, agent, plan=plan))
        assert words in told["scikit-learn"]
        # The converted candidate of the same visit was measured behind it: the next honest model does well.
        assert told["onnxruntime"] == ""
        assert descendants(agent.process.pid) == set()
        assert resident_bytes(agent.process.pid) - before_bytes < MAX_GROWTH_BYTES
    finally:
        await api.close()
    assert key.read_text() == SECRET
    assert agent.process.poll() is None


@pytest.mark.promise(22)
async def test_an_agent_whose_sandbox_stops_everything_takes_part_where_a_plan_wants_that(
    agent: Running, forest: ModelFiles, tmp_path: Path
) -> None:
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    try:
        plan = PLAN + '[agents]\nmin_sandbox = "full"\n'
        assert (await outcomes(api, await submitted(api, forest.model, forest.data, agent, plan=plan)))[
            "scikit-learn"
        ] == ""
    finally:
        await api.close()
