"""A network that is away for longer than a lease: the visit goes on, and its result arrives exactly once."""

import asyncio
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.domain import AgentUpdated, JobEvent, JobState, Outcome, VisitUpdated
from tests.faults.line import PERFECT, Line
from tests.faults.tcp_proxy import FaultProxy
from tests.integration.jobs import (
    CANDIDATES,
    SLOW_PLAN,
    SLOW_SLICES,
    all_events,
    events_until,
    is_under_way,
    job_spec,
    of_kind,
)
from tests.models import ModelFiles
from tests.processes import ProcessGroup

pytestmark = pytest.mark.promise(29)

LEASE_S = 3.0
PATIENT = SLOW_PLAN.replace("agent_return_s = 20", "agent_return_s = 600")


async def test_a_visit_that_outlived_its_lease_behind_a_partition_is_fetched_and_not_repeated(
    api: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.doctored_agent(
        tmp_path / "a", ("--lease-s", str(LEASE_S)), "--no-advertise", "--port", "0", "--name", "far"
    )
    async with FaultProxy(agent.address) as proxy:
        job_id = await api.submit(await job_spec(api, tiny, proxy.address, plan=PATIENT))
        await events_until(api, job_id, is_under_way)
        proxy.line = Line(is_black_hole=True)
        (told,) = of_kind((await events_until(api, job_id, is_missed))[-1:], AgentUpdated)
        await until_the_visit_has_ended(tmp_path / "a" / "stderr.log")
        await asyncio.sleep(LEASE_S)
        proxy.line = PERFECT
        proxy.cut()
        events = await all_events(api, job_id)

    assert "does not answer, and is waited for, 10 min 0 s at most" in told.reason
    assert (await api.job(job_id)).state is JobState.DONE
    assert [(end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome] == [(1, Outcome.OK)]
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLOW_SLICES


def is_missed(event: JobEvent) -> bool:
    return isinstance(event.event, AgentUpdated) and "does not answer" in event.event.reason


async def until_the_visit_has_ended(log: Path) -> None:
    async with asyncio.timeout(600):
        while " ended" not in log.read_text():
            await asyncio.sleep(0.2)
