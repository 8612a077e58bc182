"""Whole jobs through a coordinator in this process, with real agents, builders and workers."""

import asyncio
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.domain import (
    AgentUpdated,
    CandidateUpdated,
    JobNote,
    JobState,
    Outcome,
    Standing,
    StepStarted,
    VisitUpdated,
)
from tests.integration.jobs import (
    CANDIDATES,
    QUICK_PLAN,
    SLOW_PLAN,
    SLOW_SLICES,
    all_events,
    events_until,
    is_under_way,
    job_spec,
    of_kind,
    slow_plan,
)
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

LOOPBACK = ("--no-advertise", "--port", "0")
NOBODY = "127.0.0.1:9"


async def test_two_agents_measure_one_job_in_parallel(
    api: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agents = [processes.agent(tmp_path / name, *LOOPBACK, "--name", name) for name in ("left", "right")]
    spec = await job_spec(api, tiny, *(agent.address for agent in agents), plan=QUICK_PLAN)
    job_id = await api.submit(spec)
    events = await all_events(api, job_id)

    results = await api.results(job_id)
    assert results.job.state is JobState.DONE, results.job.reason
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [step.step for step in of_kind(events, StepStarted)] == ["inspect", "build", "match", "measure", "evaluate"]
    ranked = {(row.label, row.agent_name) for row in results.standings.rows if row.standing is Standing.RANKED}
    assert ranked == {("onnxruntime", name) for name in ("left", "right")}
    assert results.standings.rows[0].rank == 1
    assert results.job.visits_done == results.job.visits_total == 4
    first_ends = [visit.agent_name for visit in of_kind(events, VisitUpdated) if visit.outcome][:2]
    assert set(first_ends) == {"left", "right"}
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == 2 * 2 * CANDIDATES * 4


async def test_without_an_agent_this_machine_measures_and_says_so(api: CoordinatorApi, tiny: ModelFiles) -> None:
    job_id = await api.submit(await job_spec(api, tiny))
    events = await all_events(api, job_id)

    assert (await api.job(job_id)).state is JobState.DONE
    assert any(note.text.startswith("This machine measures") for note in of_kind(events, JobNote))
    assert await api.agents(uses_discovery=False) == ()


async def test_this_machine_begins_to_measure_where_no_agent_answers(api: CoordinatorApi, tiny: ModelFiles) -> None:
    job_id = await api.submit(replace(await job_spec(api, tiny, NOBODY), uses_local_agent=True))
    events = await events_until(api, job_id, lambda event: isinstance(event.event, VisitUpdated))
    await api.cancel(job_id)

    assert any(note.text.startswith("No agent answers: this machine measures") for note in of_kind(events, JobNote))


async def test_an_agent_that_is_killed_in_the_middle_and_returns_repeats_the_visit(
    api: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path / "a", *LOOPBACK, "--name", "mortal")
    port = agent.address.rpartition(":")[2]
    job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=SLOW_PLAN))
    await events_until(api, job_id, is_under_way)
    agent.kill()
    processes.agent(tmp_path / "a", "--no-advertise", "--port", port, "--name", "mortal")
    events = await all_events(api, job_id)

    ends = [(visit.attempt, visit.outcome) for visit in of_kind(events, VisitUpdated) if visit.outcome]
    assert ends == [(1, Outcome.FAILED), (2, Outcome.OK)]
    assert (await api.job(job_id)).state is JobState.DONE
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLOW_SLICES


async def test_an_agent_that_does_not_return_is_dropped_and_the_others_go_on(
    api: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agents = [processes.agent(tmp_path / name, *LOOPBACK, "--name", name) for name in ("lost", "kept")]
    plan = SLOW_PLAN.replace("agent_return_s = 20", "agent_return_s = 1")
    job_id = await api.submit(await job_spec(api, tiny, *(agent.address for agent in agents), plan=plan))
    await events_until(api, job_id, lambda event: is_under_way(event) and event.event.agent_name == "lost")  # type: ignore[union-attr]
    agents[0].kill()
    events = await all_events(api, job_id)

    results = await api.results(job_id)
    assert results.job.state is JobState.DONE
    standings = {row.agent_name: row.standing for row in results.standings.rows}
    assert standings == {"lost": Standing.FAILED, "kept": Standing.RANKED}
    (dropped,) = [agent for agent in of_kind(events, AgentUpdated) if not agent.takes_part]
    assert dropped.name == "lost"
    assert "did not come back within 1 s" in dropped.reason


async def test_a_job_is_stopped_behind_its_running_visit_and_goes_on_later(
    api: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    plan = slow_plan(SLOW_SLICES, rounds=2)
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=plan))
    await events_until(api, job_id, is_under_way)
    await api.cancel(job_id, finishes_visits=True)
    await all_events(api, job_id)
    interrupted = await api.results(job_id)
    await api.resume(job_id)
    events = await all_events(api, job_id)

    assert (interrupted.job.state, interrupted.job.visits_done) == (JobState.INTERRUPTED, 1)
    assert any(row.standing is Standing.RANKED for row in interrupted.standings.rows)
    done = await api.job(job_id)
    assert (done.state, done.visits_done) == (JobState.DONE, 2)
    ends = [visit.round_index for visit in of_kind(events, VisitUpdated) if visit.outcome]
    assert ends == [0, 1]
    assert [step.step for step in of_kind(events, StepStarted)].count("inspect") == 1


async def test_a_job_is_cancelled_in_the_middle_of_a_visit_and_the_agent_is_free_at_once(
    api: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=slow_plan(10_000)))
    await events_until(api, job_id, is_under_way)
    cancelled = await api.cancel(job_id)
    next_id = await api.submit(await job_spec(api, tiny, resident.address))
    async with asyncio.timeout(60):
        await all_events(api, next_id)

    assert cancelled.state is JobState.CANCELLED
    assert [found async for found in api.samples(job_id)] == []
    assert (await api.job(next_id)).state is JobState.DONE


async def test_a_job_is_cancelled_while_it_waits_for_its_turn_and_while_it_prepares(
    api: CoordinatorApi, tiny: ModelFiles
) -> None:
    first = await api.submit(await job_spec(api, tiny))
    second = await api.submit(await job_spec(api, tiny))
    waiting = await api.cancel(second)
    await events_until(api, first, lambda event: isinstance(event.event, StepStarted))
    preparing = await api.cancel(first)

    assert (waiting.state, preparing.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert of_kind(await all_events(api, second), StepStarted) == []


async def test_a_stop_while_a_job_prepares_ends_it_at_once_and_it_can_be_resumed(
    api: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    job_id = await api.submit(await job_spec(api, tiny, resident.address))
    await events_until(api, job_id, lambda event: isinstance(event.event, StepStarted))
    await api.cancel(job_id, finishes_visits=True)
    await all_events(api, job_id)
    stopped = await api.job(job_id)
    await api.resume(job_id)
    await all_events(api, job_id)

    assert stopped.state is JobState.INTERRUPTED
    assert (await api.job(job_id)).state is JobState.DONE


async def test_a_job_whose_model_is_none_fails_with_what_is_wrong(
    api: CoordinatorApi, tiny: ModelFiles, tmp_path: Path
) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(tiny.model.read_bytes()[:200])
    spec = await job_spec(api, ModelFiles(broken, tiny.data))
    job_id = await api.submit(spec)
    await all_events(api, job_id)

    job = await api.job(job_id)
    assert (job.state, job.reason_code) == (JobState.FAILED, "MODEL_INVALID")
    assert job.reason


async def test_agents_that_answer_but_cannot_run_anything_are_named_with_their_reason(
    api: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path / "a", *LOOPBACK, "--name", "plain")
    plan = QUICK_PLAN + '[agents]\ntags = ["jetson"]\n'
    job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=plan))
    await all_events(api, job_id)

    job = await api.job(job_id)
    assert (job.state, job.reason_code) == (JobState.FAILED, "NO_AGENT")
    assert "plain: the plan chooses only agents with tag jetson" in job.reason


async def test_a_named_agent_that_does_not_answer_is_an_error_where_no_local_agent_is_wanted(
    api: CoordinatorApi, tiny: ModelFiles
) -> None:
    job_id = await api.submit(await job_spec(api, tiny, "127.0.0.1:1"))
    events = await all_events(api, job_id)

    job = await api.job(job_id)
    assert (job.state, job.reason_code) == (JobState.FAILED, "NO_AGENT")
    assert "127.0.0.1:1" in job.reason
    assert not of_kind(events, CandidateUpdated), "nothing is made for an agent that is not there"
    assert [agent.takes_part for agent in of_kind(events, AgentUpdated)] == [False]


async def test_an_artifact_is_made_once_for_all_jobs(api: CoordinatorApi, tiny: ModelFiles) -> None:
    jobs = [await api.submit(await job_spec(api, tiny, "127.0.0.1:1")) for _ in range(2)]
    for job_id in jobs:
        await all_events(api, job_id)

    first, second = [(await api.results(job_id)).candidates for job_id in jobs]
    assert first == second
    assert all(candidate.is_possible for candidate in first)
