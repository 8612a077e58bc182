"""An agent that dies and comes back: what is left of its visits, and that nothing runs twice."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest

from mltest.shared.domain import CandidateEnded, Outcome, VisitEnded, VisitEvent, VisitSpec
from mltest.shared.status import ERROR_CODE_KEY
from mltest.v1 import agent_service_pb2 as pb
from tests.integration.agent_peer import DEADLINE_S, Files, Peer, candidate, connected, long_visit, visit, write_files
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.promise(26, 33)

WHOLE = 2**63


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
async def spec(files: Files, agent: Running) -> AsyncIterator[VisitSpec]:
    async with connected(agent.address) as peer:
        data, model = await peer.upload(files.data), await peer.upload(files.model)
    yield visit(data, candidate(model, "a"), candidate(model, "b"))


@pytest.fixture
def agent(processes: ProcessGroup, tmp_path: Path) -> Running:
    return processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0")


def restarted(processes: ProcessGroup, tmp_path: Path) -> AbstractAsyncContextManager[Peer]:
    return connected(processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0").address)


async def acknowledge(peer: Peer, spec: VisitSpec, seq: int) -> None:
    received = pb.VisitPosition(visit_id=spec.visit_id, attempt=spec.attempt, seq=seq)
    await peer.stub.AcknowledgeVisit(pb.AcknowledgeVisitRequest(received=received), timeout=DEADLINE_S)


async def code_of_attaching(peer: Peer, spec: VisitSpec, from_seq: int = 0) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.events(spec, from_seq)
    return str(dict(refused.value.trailing_metadata() or ())[ERROR_CODE_KEY])


async def until_slices_come(peer: Peer, spec: VisitSpec) -> list[VisitEvent]:
    """Return the events up to samples of a slice."""
    events = []
    async for event in peer.attach(spec):
        events.append(event)
        if any(series.metric == "latency_ns" for series in getattr(event.event, "series", ())):
            break
    return events


@pytest.mark.promise(26, 33)
async def test_a_visit_that_was_running_when_its_agent_was_killed_ends_as_interrupted(
    processes: ProcessGroup, agent: Running, spec: VisitSpec, tmp_path: Path
) -> None:
    spec = long_visit(spec)
    async with connected(agent.address) as peer:
        await peer.start(await peer.acquire(), spec)
        before = await until_slices_come(peer, spec)
    agent.kill()
    async with restarted(processes, tmp_path) as peer:
        events = await peer.events(spec)
        again = await peer.events(spec, from_seq=len(events) - 1)

    assert events[: len(before)] == before
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    last = events[-1].event
    assert isinstance(last, VisitEnded)
    assert (last.outcome, last.reason_code) == (Outcome.FAILED, "VISIT_INTERRUPTED")
    ends = [event.event for event in events if isinstance(event.event, CandidateEnded)]
    assert sorted(end.reason_code for end in ends) == ["AGENT_DIED", "VISIT_INTERRUPTED"]
    assert again == events[-2:]


@pytest.mark.promise(32, 33)
async def test_a_start_that_is_repeated_after_a_restart_runs_nothing(
    processes: ProcessGroup, agent: Running, spec: VisitSpec, tmp_path: Path
) -> None:
    spec = long_visit(spec)
    async with connected(agent.address) as peer:
        epoch = await peer.acquire()
        await peer.start(epoch, spec)
        await until_slices_come(peer, spec)
    agent.kill()
    async with restarted(processes, tmp_path) as peer:
        with pytest.raises(grpc.aio.AioRpcError) as fenced:
            await peer.start(epoch, spec)
        assert dict(fenced.value.trailing_metadata() or ())[ERROR_CODE_KEY] == "LEASE_LOST"
        later = await peer.acquire()
        assert later > epoch
        await peer.start(later, spec)
        last = (await peer.events(spec))[-1].event
        assert isinstance(last, VisitEnded)
        assert last.reason_code == "VISIT_INTERRUPTED"
        await peer.start(later, replace(spec, attempt=2))
        await until_slices_come(peer, replace(spec, attempt=2))


@pytest.mark.promise(26)
async def test_a_visit_that_had_ended_is_fetched_after_a_restart_until_it_is_acknowledged(
    processes: ProcessGroup, agent: Running, spec: VisitSpec, tmp_path: Path
) -> None:
    async with connected(agent.address) as peer:
        await peer.start(await peer.acquire(), spec)
        before = await peer.events(spec)
    agent.kill()
    async with restarted(processes, tmp_path) as peer:
        assert await peer.events(spec) == before
        await acknowledge(peer, spec, len(before) - 1)
        assert await peer.events(spec, from_seq=len(before)) == before[-1:]
        assert await code_of_attaching(peer, spec) == "VISIT_UNKNOWN"
        await acknowledge(peer, spec, WHOLE)
        await acknowledge(peer, spec, WHOLE)
        assert await code_of_attaching(peer, spec, len(before)) == "VISIT_UNKNOWN"
    assert [path.name for path in (tmp_path / "agent" / "outbox").iterdir()] == ["served"]


@pytest.mark.promise(32)
async def test_a_late_start_of_an_attempt_that_was_acknowledged_does_not_run_it_again(
    agent: Running, spec: VisitSpec
) -> None:
    async with connected(agent.address) as peer:
        epoch = await peer.acquire()
        await peer.start(epoch, spec)
        await peer.events(spec)
        await acknowledge(peer, spec, WHOLE)
        await peer.start(epoch, spec)
        assert await code_of_attaching(peer, spec) == "VISIT_UNKNOWN"
        use = (await peer.stub.DescribeAgent(pb.DescribeAgentRequest(protocol_version=2), timeout=DEADLINE_S)).use
    assert (use.holder, use.visit_id) == ("coordinator", "")


async def test_a_heartbeat_acknowledges_what_arrived_while_the_visit_goes_on(agent: Running, spec: VisitSpec) -> None:
    spec = long_visit(spec)
    async with connected(agent.address) as peer:
        epoch = await peer.acquire()
        await peer.start(epoch, spec)
        seen = await until_slices_come(peer, spec)
        epoch = await peer.acquire()
        received = pb.VisitPosition(visit_id=spec.visit_id, attempt=spec.attempt, seq=len(seen))
        await peer.stub.RenewLease(pb.RenewLeaseRequest(epoch=epoch, received=received), timeout=DEADLINE_S)
        assert await code_of_attaching(peer, spec, len(seen)) == "VISIT_UNKNOWN"
        stream = peer.attach(spec, len(seen) + 1)
        assert (await anext(stream)).seq == len(seen) + 1
