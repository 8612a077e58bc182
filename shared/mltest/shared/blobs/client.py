"""Sends blobs to a `BlobService` and fetches them.

What the peer refuses, or a peer that is gone, ends as `grpc.aio.AioRpcError`; who knows the peer's name translates it
(`mltest.shared.status.error_from_rpc`).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc.aio

from mltest.shared.allocator import keep_freed_memory
from mltest.shared.blobs.chunks import read_chunks
from mltest.shared.blobs.wire import ACCEPTED_KEY, Chunk, decode_get, encode_put
from mltest.shared.errors import BlobCorruptError
from mltest.v1 import blob_service_pb2 as pb
from mltest.v1.blob_service_pb2_grpc import BlobServiceStub

_SERVICE = pb.DESCRIPTOR.services_by_name["BlobService"].full_name
_STATUS_TIMEOUT_S = 10.0
_VERSION_1_SILENCE_S = 1.0
"""A server of protocol version 1 accepts without a word; one that refuses has done so within this."""


async def upload(
    channel: grpc.aio.Channel,
    path: Path,
    *,
    sha256: str,
    size_bytes: int,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Send what the peer lacks of `path`, going on where an earlier try stopped; return the bytes sent now.

    Args:
        channel: to the peer.
        path: the bytes.
        sha256: of all of them; the peer checks it.
        size_bytes: their number.
        on_progress: called with the number of bytes that are at the peer or on their way, after each chunk.

    Raises:
        grpc.aio.AioRpcError: the peer refused, or is gone.
        BlobCorruptError: `path` has fewer bytes than announced.

    """
    keep_freed_memory()
    status = await BlobServiceStub(channel).GetBlobStatus(
        pb.GetBlobStatusRequest(sha256=sha256), timeout=_STATUS_TIMEOUT_S
    )
    if status.is_complete:
        return 0
    offset_bytes = min(status.stored_bytes, size_bytes)
    header = pb.BlobHeader(sha256=sha256, size_bytes=size_bytes, offset_bytes=offset_bytes)
    put = channel.stream_unary(f"/{_SERVICE}/PutBlob", encode_put, pb.PutBlobResponse.FromString)
    call = put(_parts(header, path, on_progress, lambda: _is_accepted(call)))
    response = await call
    if not response.is_complete:
        raise BlobCorruptError(sha256=sha256)
    return size_bytes - offset_bytes


async def download(channel: grpc.aio.Channel, sha256: str, target: Path) -> None:
    """Fetch a blob to `target`, which appears only when it is complete and verified.

    Raises:
        grpc.aio.AioRpcError: the peer refused, or is gone.
        BlobCorruptError: these are not the bytes of that blob.

    """
    get = channel.unary_stream(f"/{_SERVICE}/GetBlob", pb.GetBlobRequest.SerializeToString, decode_get)
    part = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as stream:

            def take(chunk: Chunk) -> None:
                digest.update(chunk)
                stream.write(chunk)

            async for chunk in get(pb.GetBlobRequest(sha256=sha256)):
                await asyncio.to_thread(take, chunk)
        if digest.hexdigest() != sha256:
            raise BlobCorruptError(sha256=sha256)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


async def _parts(
    header: pb.BlobHeader,
    path: Path,
    on_progress: Callable[[int], None] | None,
    is_accepted: Callable[[], Awaitable[bool]],
) -> AsyncIterator[pb.BlobHeader | Chunk]:
    yield header
    if not await is_accepted():
        return
    sent_bytes = header.offset_bytes
    async for chunk in read_chunks(path, sent_bytes):
        yield chunk
        sent_bytes += len(chunk)
        if on_progress is not None:
            on_progress(sent_bytes)


async def _is_accepted(call: "grpc.aio.StreamUnaryCall[pb.BlobHeader | Chunk, pb.PutBlobResponse]") -> bool:
    """Return whether the peer wants the bytes; sending them into a refusal would hide its reason."""
    if ACCEPTED_KEY in dict(await call.initial_metadata() or ()):
        return True
    try:
        async with asyncio.timeout(_VERSION_1_SILENCE_S):
            await call.code()
    except TimeoutError:
        return True
    return False
