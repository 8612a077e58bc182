"""Peers that are one version of the contract off: they work together, or one clear error says what to upgrade."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import JobState, Outcome, VisitEnded, VisitEvent, VisitSpec, VisitUpdated
from mltest.shared.grpc_options import channel_options
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from mltest.shared.trust.local_door import local_door
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1 import visit_pb2
from tests.integration.agent_peer import DEADLINE_S, Peer, candidate, connected, visit, write_files
from tests.integration.jobs import CANDIDATES, ONE_ROUND, all_events, job_spec, of_kind
from tests.integration.version_proxy import UNKNOWN_FIELD, speaking
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.promise(41)


@pytest.fixture
def agent(processes: ProcessGroup, tmp_path: Path) -> Running:
    return processes.agent(tmp_path / "a", "--no-advertise", "--port", "0")


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


@pytest.mark.promise(41)
def test_this_version_speaks_its_own_and_the_one_before() -> None:
    assert PROTOCOL_VERSION - MIN_PROTOCOL_VERSION == 1


@pytest.mark.parametrize(("version", "least"), [(PROTOCOL_VERSION - 1, 1), (PROTOCOL_VERSION + 1, PROTOCOL_VERSION)])
@pytest.mark.promise(41)
async def test_a_job_is_measured_by_an_agent_that_is_one_version_off(
    api: CoordinatorApi, tiny: ModelFiles, agent: Running, version: int, least: int
) -> None:
    async with speaking(version, least, agent.address) as address:
        job_id = await api.submit(await job_spec(api, tiny, address, plan=ONE_ROUND))
        events = await all_events(api, job_id)

    assert (await api.job(job_id)).state is JobState.DONE
    assert [end.outcome for end in of_kind(events, VisitUpdated) if end.outcome] == [Outcome.OK]
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * 4


@pytest.mark.parametrize(
    ("version", "least", "step"),
    [
        (PROTOCOL_VERSION + 2, PROTOCOL_VERSION + 1, "upgrade this coordinator: pip install -U mltest-fleet"),
        (MIN_PROTOCOL_VERSION - 1, 0, "upgrade agent vm-of-tests: pip install -U mltest-fleet"),
    ],
)
@pytest.mark.promise(41)
async def test_an_agent_that_is_too_far_off_is_refused_with_what_to_upgrade(
    api: CoordinatorApi, processes: ProcessGroup, tmp_path: Path, version: int, least: int, step: str
) -> None:
    agent = processes.agent(tmp_path / "named", "--no-advertise", "--port", "0", "--name", "vm-of-tests")
    async with speaking(version, least, agent.address) as address:
        (found,) = await api.agents(addresses=[address], uses_discovery=False)

    assert found.is_alive
    assert f"speaks protocol {version} (at least {least})" in found.reason
    assert step in found.reason


@pytest.mark.promise(41)
async def test_a_coordinator_of_the_version_before_gets_everything_and_acknowledges_nothing(
    peer: Peer, tmp_path: Path
) -> None:
    files = write_files(tmp_path)
    spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
    request = pb.AcquireLeaseRequest(holder="old", protocol_version=PROTOCOL_VERSION - 1)
    epoch = (await peer.stub.AcquireLease(request, timeout=DEADLINE_S)).epoch
    await peer.start(epoch, spec)
    events = await peer.events(spec)
    await peer.stub.RenewLease(pb.RenewLeaseRequest(epoch=epoch), timeout=DEADLINE_S)

    assert isinstance(events[-1].event, VisitEnded)
    assert events[-1].event.outcome is Outcome.OK
    assert await peer.events(spec) == events


@pytest.mark.promise(41)
async def test_a_coordinator_of_the_next_version_is_understood_as_far_as_this_one_goes(
    agent: Running, peer: Peer, tmp_path: Path
) -> None:
    files = write_files(tmp_path)
    spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
    acquire = pb.AcquireLeaseRequest(holder="new", protocol_version=PROTOCOL_VERSION + 1).SerializeToString()
    async with local_door(agent.address).channel(agent.address, channel_options()) as channel:
        answer = pb.AcquireLeaseResponse.FromString(await _called(channel, "AcquireLease", acquire + UNKNOWN_FIELD))
        start = pb.StartVisitRequest(epoch=answer.epoch, visit=_with_unknown(spec)).SerializeToString()
        await _called(channel, "StartVisit", start + UNKNOWN_FIELD)
    last = (await peer.events(spec))[-1].event
    assert isinstance(last, VisitEnded)
    assert last.outcome is Outcome.OK


@pytest.mark.promise(41)
async def test_a_coordinator_that_is_too_old_is_told_to_upgrade(peer: Peer) -> None:
    request = pb.AcquireLeaseRequest(holder="ancient", protocol_version=0)
    with pytest.raises(grpc.aio.AioRpcError, match="did not say its protocol_version"):
        await peer.stub.AcquireLease(request, timeout=DEADLINE_S)


@pytest.mark.promise(41)
def test_an_event_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    ended = to_proto(VisitEvent(seq=7, event=VisitEnded(outcome=Outcome.OK)), visit_pb2.VisitEvent)
    ended.ended.outcome = 99  # type: ignore[assignment]  # that is the point
    found = from_proto(visit_pb2.VisitEvent.FromString(ended.SerializeToString() + UNKNOWN_FIELD), VisitEvent)
    assert found == VisitEvent(seq=7, event=VisitEnded(outcome=Outcome.UNSPECIFIED))


async def _called(channel: Any, name: str, request: bytes) -> bytes:
    return bytes(await channel.unary_unary(f"/mltest.v1.AgentService/{name}")(request, timeout=DEADLINE_S))


def _with_unknown(spec: VisitSpec) -> visit_pb2.VisitSpec:
    encoded = to_proto(spec, visit_pb2.VisitSpec).SerializeToString()
    return visit_pb2.VisitSpec.FromString(encoded + UNKNOWN_FIELD)
