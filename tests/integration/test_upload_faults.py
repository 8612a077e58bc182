"""Uploads to a real agent over a line that is cut, or that changes bytes."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest

from mltest.coordinator.fleet.delivery import deliver
from mltest.shared.blobs.chunks import SENT_CHUNK_BYTES
from mltest.shared.blobs.client import upload
from mltest.shared.blobs.service import add_blob_service
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import Outcome, PredictionsStored, SampleBatch, VisitEnded
from mltest.shared.errors import AgentUnreachableError, BlobBusyError, BlobCorruptError, BlobOffsetError
from mltest.shared.grpc_options import channel_options
from mltest.shared.grpc_server import new_server
from mltest.shared.status import ERROR_CODE_KEY, error_from_rpc
from tests.faults.line import PERFECT, Line
from tests.faults.memory import MIB
from tests.faults.tcp_proxy import FaultProxy
from tests.integration.agent_peer import candidate, connected, visit, write_files
from tests.processes import ProcessGroup

DEADLINE_S = 120.0
CONTENT = os.urandom(24 * MIB)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CUTS = 10


@dataclass(frozen=True, slots=True)
class Site:
    """A blob service behind a bad line, and a file to send."""

    store: BlobStore
    proxy: FaultProxy
    channel: grpc.aio.Channel
    file: Path

    async def upload(self) -> int:
        return await upload(self.channel, self.file, sha256=SHA256, size_bytes=len(CONTENT))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    store = BlobStore(tmp_path / "blobs", 10 * len(CONTENT))
    server = new_server()
    add_blob_service(server, store)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            FaultProxy(f"127.0.0.1:{port}") as proxy,
            grpc.aio.insecure_channel(proxy.address, options=channel_options()) as channel,
        ):
            yield Site(store, proxy, channel, file)
    finally:
        await server.stop(None)


def code_of(error: grpc.aio.AioRpcError) -> str:
    return str(dict(error.trailing_metadata() or ()).get(ERROR_CODE_KEY, error.code().name))


class Sender:
    """Sends as a coordinator does, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def upload(
        self, path: Path, *, sha256: str, size_bytes: int, on_progress: Callable[[int], None] | None = None
    ) -> None:
        try:
            await upload(self._channel, path, sha256=sha256, size_bytes=size_bytes, on_progress=on_progress)
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error, AgentUnreachableError(agent="lab", detail="cut")) from error


@pytest.mark.promise(36)
async def test_an_upload_that_is_cut_ten_times_goes_on_and_sends_at_most_twice_its_bytes(site: Site) -> None:
    cuts, is_complete = 0, False
    while not is_complete:
        site.proxy.line = Line(reset_after_bytes=2 * MIB) if cuts < CUTS else PERFECT
        try:
            await Sender(site.channel).upload(site.file, sha256=SHA256, size_bytes=len(CONTENT))
            is_complete = True
        except AgentUnreachableError:
            cuts += 1
        except (BlobBusyError, BlobOffsetError):  # the agent has not noticed the cut yet
            continue
    assert cuts >= CUTS
    assert site.store.path(SHA256).read_bytes() == CONTENT
    assert site.proxy.to_target.passed_bytes <= 2 * len(CONTENT)
    assert not list((site.store.path(SHA256).parent / "parts").iterdir())


@pytest.mark.promise(36)
async def test_a_coordinator_goes_on_with_an_upload_for_as_long_as_something_arrives(
    site: Site, tmp_path: Path
) -> None:
    site.proxy.line = Line(reset_after_bytes=2 * MIB)
    store = BlobStore(tmp_path / "home", 10 * len(CONTENT))
    store.add_file(site.file)
    here, agent = SimpleNamespace(blobs=store, tell=told_to_nobody), SimpleNamespace(agent_id="id", name="lab")
    await deliver(cast("Any", here), "job", cast("Any", agent), cast("Any", Sender(site.channel)), [SHA256])
    assert site.proxy.connection_count > CUTS
    assert site.proxy.to_target.passed_bytes <= 2 * len(CONTENT)
    assert site.store.path(SHA256).read_bytes() == CONTENT


@pytest.mark.promise(36)
async def test_an_upload_over_a_line_that_carries_nothing_is_given_up(site: Site, tmp_path: Path) -> None:
    site.proxy.line = Line(reset_after_bytes=0)
    store = BlobStore(tmp_path / "home", 10 * len(CONTENT))
    store.add_file(site.file)
    here, agent = SimpleNamespace(blobs=store, tell=told_to_nobody), SimpleNamespace(agent_id="id", name="lab")
    with pytest.raises(AgentUnreachableError):
        await deliver(cast("Any", here), "job", cast("Any", agent), cast("Any", Sender(site.channel)), [SHA256])


async def told_to_nobody(job_id: str, *news: object) -> None:
    """Take news of a job."""


@pytest.mark.promise(19)
async def test_a_blob_that_the_disk_changed_is_dropped_before_anything_is_loaded(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    files = write_files(tmp_path)
    agent = processes.agent(tmp_path / "agent", "--insecure", "--listen", "127.0.0.1", "--port", "0", "--no-advertise")
    async with asyncio.timeout(DEADLINE_S), connected(agent.address) as peer:
        spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
        stored = tmp_path / "agent" / "blobs" / spec.candidates[0].artifact_sha256
        damaged = bytearray(stored.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        stored.chmod(0o600)
        stored.write_bytes(damaged)
        await peer.start(await peer.acquire(), spec)
        found = [event.event for event in await peer.events(spec)]
    assert isinstance(found[-1], VisitEnded)
    assert (found[-1].outcome, found[-1].reason_code) == (Outcome.FAILED, "BLOB_CORRUPT")
    assert not any(isinstance(event, SampleBatch | PredictionsStored) for event in found)
    assert not stored.exists()


@pytest.mark.promise(19)
@pytest.mark.parametrize("place", [0.05, 0.5, 0.95])
async def test_a_bit_that_changes_on_the_way_drops_the_part_and_nothing_is_stored(site: Site, place: float) -> None:
    site.proxy.line = Line(flip_at_byte=int(place * len(CONTENT)))
    with pytest.raises((grpc.aio.AioRpcError, BlobCorruptError)) as refused:
        await site.upload()
    if isinstance(refused.value, grpc.aio.AioRpcError):
        assert code_of(refused.value) == "BLOB_CORRUPT"
    assert not site.store.status(SHA256).is_complete
    assert site.store.status(SHA256).stored_bytes == 0
    site.proxy.line = PERFECT
    await site.upload()
    assert site.store.path(SHA256).read_bytes() == CONTENT


@pytest.mark.promise(19)
@pytest.mark.parametrize("place", [0, 3 * SENT_CHUNK_BYTES, 5 * MIB - 1])
async def test_a_bit_that_changes_on_the_disk_between_two_tries_drops_the_part(site: Site, place: int) -> None:
    with site.store.writer(SHA256, len(CONTENT), 0) as writer:
        writer.append(CONTENT[: 5 * MIB])
    (part,) = (site.file.parent / "blobs" / "parts").iterdir()
    damaged = bytearray(part.read_bytes())
    damaged[place] ^= 1
    part.write_bytes(damaged)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await site.upload()
    assert code_of(refused.value) == "BLOB_CORRUPT"
    assert site.store.status(SHA256).stored_bytes == 0
