"""Blobs over real gRPC, between our client and our service, and between each of them and plain protobuf."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from mltest.shared.blobs.chunks import SENT_CHUNK_BYTES
from mltest.shared.blobs.client import download, upload
from mltest.shared.blobs.service import add_blob_service
from mltest.shared.blobs.store import BlobStore
from mltest.shared.blobs.wire import ACCEPTED_KEY
from mltest.shared.blobs.writer import CHUNK_BYTES
from mltest.shared.errors import BlobCorruptError
from mltest.shared.grpc_server import new_server
from mltest.shared.status import ERROR_CODE_KEY
from mltest.v1 import blob_service_pb2 as pb
from mltest.v1.blob_service_pb2_grpc import BlobServiceStub

if TYPE_CHECKING:
    from mltest.v1.blob_service_pb2_grpc import BlobServiceAsyncStub

CONTENT = os.urandom(2 * CHUNK_BYTES + 12345)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Peer:
    store: BlobStore
    channel: grpc.aio.Channel
    folder: Path

    @property
    def stub(self) -> "BlobServiceAsyncStub":
        return BlobServiceStub(self.channel)

    def file(self, content: bytes = CONTENT) -> Path:
        path = self.folder / "file"
        path.write_bytes(content)
        return path


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    store = BlobStore(tmp_path / "blobs", 10 * len(CONTENT))
    server = new_server()
    add_blob_service(server, store)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(DEADLINE_S):
            yield Peer(store, channel, tmp_path)
    finally:
        await server.stop(None)


def code_of(error: grpc.aio.AioRpcError) -> str:
    return str(dict(error.trailing_metadata())[ERROR_CODE_KEY])


def messages(content: bytes, chunk_bytes: int = CHUNK_BYTES, *, offset: int = 0) -> Iterator[pb.PutBlobRequest]:
    yield pb.PutBlobRequest(header=pb.BlobHeader(sha256=SHA256, size_bytes=len(CONTENT), offset_bytes=offset))
    for start in range(offset, len(content), chunk_bytes):
        yield pb.PutBlobRequest(chunk=content[start : start + chunk_bytes])


async def test_an_uploaded_file_is_stored_and_comes_back_the_same(peer: Peer) -> None:
    seen: list[int] = []

    sent_bytes = await upload(
        peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT), on_progress=seen.append
    )
    await download(peer.channel, SHA256, peer.folder / "back")

    assert sent_bytes == len(CONTENT)
    assert seen == [*range(SENT_CHUNK_BYTES, len(CONTENT), SENT_CHUNK_BYTES), len(CONTENT)]
    assert peer.store.path(SHA256).read_bytes() == CONTENT
    assert (peer.folder / "back").read_bytes() == CONTENT


async def test_an_empty_file_is_uploaded_and_downloaded(peer: Peer) -> None:
    sha256 = hashlib.sha256(b"").hexdigest()

    await upload(peer.channel, peer.file(b""), sha256=sha256, size_bytes=0)
    await download(peer.channel, sha256, peer.folder / "back")

    assert (peer.folder / "back").read_bytes() == b""


async def test_what_is_there_already_is_not_sent_again(peer: Peer) -> None:
    await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT))

    assert await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT)) == 0


async def test_a_broken_upload_goes_on_where_it_stopped(peer: Peer) -> None:
    with peer.store.writer(SHA256, len(CONTENT), 0) as writer:
        writer.append(CONTENT[:CHUNK_BYTES])

    sent_bytes = await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT))

    assert sent_bytes == len(CONTENT) - CHUNK_BYTES
    assert peer.store.path(SHA256).read_bytes() == CONTENT


async def test_a_cancelled_upload_leaves_the_blob_free_for_the_next_one(peer: Peer) -> None:
    is_sent = asyncio.Event()
    going = asyncio.ensure_future(
        upload(
            peer.channel,
            peer.file(),
            sha256=SHA256,
            size_bytes=len(CONTENT),
            on_progress=lambda sent_bytes: is_sent.set(),
        )
    )
    await is_sent.wait()
    going.cancel()
    await asyncio.wait({going})

    while not peer.store.status(SHA256).is_complete:
        try:
            await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT))
        except grpc.aio.AioRpcError as error:
            assert code_of(error) in ("BLOB_BUSY", "BLOB_OFFSET")

    assert peer.store.path(SHA256).read_bytes() == CONTENT


async def test_a_client_that_uses_plain_protobuf_uploads_the_same(peer: Peer) -> None:
    response = await peer.stub.PutBlob(messages(CONTENT, 1000))

    assert response == pb.PutBlobResponse(is_complete=True, stored_bytes=len(CONTENT))
    assert peer.store.path(SHA256).read_bytes() == CONTENT


async def test_a_client_that_uses_plain_protobuf_downloads_the_same(peer: Peer) -> None:
    await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT))

    chunks = [message.chunk async for message in peer.stub.GetBlob(pb.GetBlobRequest(sha256=SHA256, offset_bytes=5))]

    assert b"".join(chunks) == CONTENT[5:]
    assert max(map(len, chunks)) == SENT_CHUNK_BYTES


async def test_a_stream_that_ends_early_is_answered_with_what_is_stored(peer: Peer) -> None:
    response = await peer.stub.PutBlob(messages(CONTENT[:1000]))

    assert response == pb.PutBlobResponse(is_complete=False, stored_bytes=1000)
    assert await peer.stub.GetBlobStatus(pb.GetBlobStatusRequest(sha256=SHA256)) == pb.GetBlobStatusResponse(
        is_complete=False, stored_bytes=1000
    )


async def put(peer: "Peer", requests: list[pb.PutBlobRequest]) -> pb.PutBlobResponse:
    """Send the header, wait until it is accepted, as the contract says, and send the rest."""
    call = peer.stub.PutBlob()
    for position, request in enumerate(requests):
        await call.write(request)
        if position == 0 and ACCEPTED_KEY not in dict(await call.initial_metadata()):
            return await call
    await call.done_writing()
    return await call


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        ([], "REQUEST_INVALID"),
        ([pb.PutBlobRequest(chunk=b"first")], "REQUEST_INVALID"),
        ([pb.PutBlobRequest()], "REQUEST_INVALID"),
        ([*messages(b""), *messages(b"")], "REQUEST_INVALID"),
        # One such chunk only: what is written behind a refusal hides its reason from this client library.
        ([*messages(CONTENT, CHUNK_BYTES + 1)][:2], "REQUEST_INVALID"),
        ([*messages(CONTENT), pb.PutBlobRequest(chunk=b"more")], "REQUEST_INVALID"),
        ([*messages(CONTENT, offset=1)], "BLOB_OFFSET"),
        ([*messages(bytes(len(CONTENT)))], "BLOB_CORRUPT"),
    ],
)
async def test_an_upload_that_breaks_the_rules_is_refused_and_the_blob_stays_free(
    peer: Peer, requests: list[pb.PutBlobRequest], code: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await put(peer, requests)

    assert code_of(refused.value) == code
    status = await peer.stub.GetBlobStatus(pb.GetBlobStatusRequest(sha256=SHA256))
    peer.store.writer(SHA256, len(CONTENT), status.stored_bytes).__exit__(None, None, None)


async def test_a_blob_without_room_is_refused_before_its_first_byte(peer: Peer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=10**15)

    assert code_of(refused.value) == "RESOURCE_LIMIT"
    assert peer.store.status(SHA256).stored_bytes == 0


async def test_a_file_shorter_than_announced_is_an_error(peer: Peer) -> None:
    with pytest.raises(BlobCorruptError):
        await upload(peer.channel, peer.file(CONTENT[:1000]), sha256=SHA256, size_bytes=len(CONTENT))


async def test_downloading_what_is_not_there_leaves_no_file(peer: Peer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await download(peer.channel, SHA256, peer.folder / "back")

    assert code_of(refused.value) == "BLOB_UNKNOWN"
    assert not list(peer.folder.glob("back*"))


async def test_a_download_that_is_not_what_was_asked_for_leaves_no_file(peer: Peer) -> None:
    await upload(peer.channel, peer.file(), sha256=SHA256, size_bytes=len(CONTENT))
    stored = peer.store.path(SHA256)
    stored.chmod(0o600)
    stored.write_bytes(b"altered on the disk")

    with pytest.raises(BlobCorruptError):
        await download(peer.channel, SHA256, peer.folder / "back")

    assert not list(peer.folder.glob("back*"))


async def test_two_uploads_of_different_blobs_go_on_at_once(peer: Peer) -> None:
    contents = [bytes([number]) * CHUNK_BYTES * 2 for number in range(3)]
    paths = [peer.folder / f"file-{number}" for number in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)

    await asyncio.gather(
        *(
            upload(peer.channel, path, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
            for path, content in zip(paths, contents, strict=True)
        )
    )

    for content in contents:
        assert peer.store.path(hashlib.sha256(content).hexdigest()).read_bytes() == content
