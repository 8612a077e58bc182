"""Agents that are busy, of another version, behind a bad network, or that refuse."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.engine import CoordinatorOptions
from mltest.coordinator.home import HomeCoordinator
from mltest.shared.codec import to_proto
from mltest.shared.domain import AgentInfo, HostInfo, JobEvent, JobNote, JobState, Outcome, Standing, VisitUpdated
from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.local_peers import LocalPeers
from mltest.v1 import agent_pb2
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1.agent_service_pb2_grpc import AgentServiceServicer, add_AgentServiceServicer_to_server
from tests.faults.tcp_proxy import FaultProxy
from tests.integration.jobs import (
    CANDIDATES,
    FOREST_PLAN,
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
LONG_PLAN = slow_plan(10_000)


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """Another coordinator, which waits for a busy agent for half a second."""
    other = await HomeCoordinator.settle(tmp_path / "impatient", options=CoordinatorOptions(busy_wait_s=0.5))
    yield other
    await other.close()


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """Another coordinator, which waits for a busy agent."""
    other = await HomeCoordinator.settle(tmp_path / "patient")
    yield other
    await other.close()


async def test_a_stream_that_breaks_is_taken_up_where_it_stopped(
    api: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    async with FaultProxy(resident.address) as proxy:
        job_id = await api.submit(await job_spec(api, tiny, proxy.address, plan=SLOW_PLAN))
        await events_until(api, job_id, is_under_way)
        proxy.cut()
        events = await all_events(api, job_id)

    ends = [(visit.attempt, visit.outcome) for visit in of_kind(events, VisitUpdated) if visit.outcome]
    assert ends == [(1, Outcome.OK)]
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLOW_SLICES


async def test_an_agent_that_another_coordinator_holds_is_waited_for(
    api: CoordinatorApi, patient: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    first = await api.submit(await job_spec(api, tiny, resident.address, plan=LONG_PLAN))
    await events_until(api, first, is_measuring)
    second = await patient.submit(await job_spec(patient, tiny, resident.address))
    waiting = await events_until(
        patient, second, lambda event: isinstance(event.event, JobNote) and "is busy" in event.event.text
    )
    await api.cancel(first)
    await all_events(patient, second)

    assert f"(job {first}, model.onnx)" in of_kind(waiting, JobNote)[-1].text
    assert (await patient.job(second)).state is JobState.DONE


async def test_an_agent_that_stays_busy_is_given_up_with_who_holds_it(
    api: CoordinatorApi, impatient: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    first = await api.submit(await job_spec(api, tiny, resident.address, plan=LONG_PLAN))
    await events_until(api, first, is_measuring)
    second = await impatient.submit(await job_spec(impatient, tiny, resident.address))
    await all_events(impatient, second)
    refused = await impatient.job(second)
    await api.cancel(first)

    assert (refused.state, refused.reason_code) == (JobState.FAILED, "AGENT_BUSY")
    assert f"job {first}" in refused.reason


def is_measuring(event: JobEvent) -> bool:
    return isinstance(event.event, VisitUpdated)


async def test_workers_that_all_fail_fail_the_job_with_their_reason(
    api: CoordinatorApi, tiny: ModelFiles, resident: Running
) -> None:
    plan = QUICK_PLAN.replace("[job]", "[job]\nload_timeout_s = 0.01")
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=plan))
    events = await all_events(api, job_id)

    results = await api.results(job_id)
    assert (results.job.state, results.job.reason_code) == (JobState.FAILED, "DEADLINE")
    assert {row.standing for row in results.standings.rows} == {Standing.FAILED}
    ends = [visit.outcome for visit in of_kind(events, VisitUpdated) if visit.outcome]
    assert ends == [Outcome.OK, Outcome.CANCELLED]


@pytest.mark.long
async def test_a_pickle_is_refused_by_an_agent_that_does_not_allow_it_and_taken_by_one_that_does(
    api: CoordinatorApi, processes: ProcessGroup, tmp_path: Path
) -> None:
    pickled = tmp_path / "forest.joblib"
    rows, labels = load_digits(return_X_y=True)
    digits = tmp_path / "digits.npz"
    np.savez(digits, X=rows, y=labels)
    joblib.dump(DecisionTreeClassifier(max_depth=3).fit(rows, labels), pickled)
    strict = processes.agent(tmp_path / "strict", *LOOPBACK, "--name", "strict", runtimes="scikit-learn,treelite")
    lax = processes.agent(
        tmp_path / "lax", *LOOPBACK, "--name", "lax", "--allow-pickle", runtimes="scikit-learn,treelite"
    )
    spec = await job_spec(api, ModelFiles(pickled, digits), strict.address, lax.address, plan=FOREST_PLAN)
    job_id = await api.submit(replace(spec, allows_pickle=True))
    await all_events(api, job_id)

    results = await api.results(job_id)
    native = {row.agent_name: row for row in results.standings.rows if row.is_baseline}
    assert native["lax"].standing is Standing.RANKED, results.job.reason
    assert native["strict"].standing is Standing.IMPOSSIBLE
    assert "mltest-agent serve --allow-pickle" in native["strict"].reason


class _FutureAgent(AgentServiceServicer):
    """An agent of a version that this software cannot talk to."""

    async def DescribeAgent(  # noqa: N802
        self, request: pb.DescribeAgentRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.DescribeAgentResponse:
        host = HostInfo(architecture="x86_64", cpu_model="", logical_cores=1, memory_bytes=1, os="", kernel="")
        info = AgentInfo(
            agent_id="f" * 32,
            name="future",
            protocol_version=99,
            min_protocol_version=98,
            software_version="9",
            host=host,
        )
        return pb.DescribeAgentResponse(agent=to_proto(info, agent_pb2.AgentInfo))


@asynccontextmanager
async def future_agent() -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_AgentServiceServicer_to_server(_FutureAgent(), server)  # type: ignore[abstract]  # the rest is unimplemented
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    publication = LocalPeers().publish(identity_from_pem(made_here()), address=address, is_clear=True)
    await server.start()
    yield address
    await server.stop(None)
    publication.close()


async def test_an_agent_of_another_version_is_listed_and_refused_with_both_versions(
    api: CoordinatorApi, tiny: ModelFiles
) -> None:
    async with future_agent() as address:
        (listed,) = await api.agents(addresses=[address], uses_discovery=False)
        job_id = await api.submit(await job_spec(api, tiny, address))
        await all_events(api, job_id)

    job = await api.job(job_id)
    assert listed.is_alive
    assert "agent future speaks protocol 99 (at least 98)" in listed.reason
    assert (job.state, job.reason_code) == (JobState.FAILED, "NO_AGENT")
    assert "speaks protocol 99" in job.reason


async def test_an_agent_that_never_answers_does_not_hold_up_the_others(api: CoordinatorApi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        async with asyncio.timeout(10):
            (listed,) = await api.agents(addresses=[address], uses_discovery=False)

    assert not listed.is_alive
    assert "no connection within" in listed.reason
