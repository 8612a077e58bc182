"""Coordinators that stand still, and coordinators that want the same agent."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import HomeCoordinator, open_coordinator
from mltest.shared.domain import AgentUpdated, JobEvent, JobState, Outcome, VisitUpdated
from tests.integration.jobs import CANDIDATES, all_events, events_until, job_spec, of_kind, slow_plan
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

LOOPBACK = ("--no-advertise", "--port", "0")
LEASE_S = 3.0
SLICES = 600
"""Of each candidate: a visit that takes longer than the lease."""
LONG_PLAN = slow_plan(10_000)


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    other = await HomeCoordinator.settle(tmp_path / "other")
    yield other
    await other.close()


def has_begun(event: JobEvent) -> bool:
    return isinstance(event.event, VisitUpdated) and event.event.value_count > 0


@pytest.mark.promise(30)
async def test_a_coordinator_that_was_frozen_past_its_lease_is_fenced_off_and_finishes_later(
    other: CoordinatorApi, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.doctored_agent(tmp_path / "a", ("--lease-s", str(LEASE_S)), *LOOPBACK)
    frozen = processes.coordinator(tmp_path / "home", "--port", "0")
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    first = await api.submit(await job_spec(api, tiny, agent.address, plan=slow_plan(SLICES)))
    await events_until(api, first, has_begun)
    frozen.process.send_signal(signal.SIGSTOP)
    second = await other.submit(await job_spec(other, tiny, agent.address))
    await all_events(other, second)
    frozen.process.send_signal(signal.SIGCONT)
    events = await all_events(api, first)

    assert (await other.job(second)).state is JobState.DONE
    assert (await api.job(first)).state is JobState.DONE
    ends = [(end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome]
    assert ends == [(1, Outcome.CANCELLED), (2, Outcome.OK)]
    series = [found async for found in api.samples(first) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLICES
    await api.close()


@pytest.mark.promise(31)
async def test_three_coordinators_get_an_agent_in_the_order_in_which_they_asked(
    api: CoordinatorApi, other: CoordinatorApi, tiny: ModelFiles, resident: Running, tmp_path: Path
) -> None:
    third_api = await HomeCoordinator.settle(tmp_path / "third")
    first = await api.submit(await job_spec(api, tiny, resident.address, plan=LONG_PLAN))
    await events_until(api, first, has_begun)
    second = await other.submit(await job_spec(other, tiny, resident.address))
    await events_until(other, second, lambda event: is_in_line(event, 1))
    third = await third_api.submit(await job_spec(third_api, tiny, resident.address))
    await events_until(third_api, third, lambda event: is_in_line(event, 2))
    (seen,) = await other.agents(addresses=[resident.address], uses_discovery=False)
    await api.cancel(first)
    await asyncio.gather(all_events(other, second), all_events(third_api, third))
    ended = [(await one.job(job)).ended_unix_ns for one, job in ((other, second), (third_api, third))]

    assert seen.use is not None
    assert (seen.use.purpose, seen.use.waiting_count) == (f"job {first}, model.onnx", 2)
    assert 0 < seen.use.lease_left_ns <= 60 * 10**9
    assert ended[0] is not None
    assert ended[1] is not None
    assert ended[0] < ended[1]
    await third_api.close()


def is_in_line(event: JobEvent, position: int) -> bool:
    return isinstance(event.event, AgentUpdated) and f"you are number {position} in line" in event.event.reason
