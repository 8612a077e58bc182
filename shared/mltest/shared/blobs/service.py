"""Serves a blob store over gRPC: `mltest.v1.BlobService`.

Chunks are hashed, written and read in threads while the next one is on its way; they pass by protobuf (`wire`).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from mltest.shared.allocator import give_memory_back, keep_freed_memory
from mltest.shared.blobs.chunks import read_chunks
from mltest.shared.blobs.store import BlobStore
from mltest.shared.blobs.wire import ACCEPTED_KEY, Chunk, decode_put, encode_get
from mltest.shared.blobs.writer import CHUNK_BYTES, BlobWriter
from mltest.shared.errors import RequestInvalidError
from mltest.shared.status import translated_errors
from mltest.v1 import blob_service_pb2 as pb

_SERVICE = pb.DESCRIPTOR.services_by_name["BlobService"].full_name

_Context = grpc.aio.ServicerContext[Any, Any]
_Part = pb.BlobHeader | Chunk | None


def add_blob_service(server: grpc.aio.Server, store: BlobStore) -> None:
    """Let `server` serve `store`."""
    service = _BlobService(store)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetBlobStatus": grpc.unary_unary_rpc_method_handler(
            service.get_blob_status, pb.GetBlobStatusRequest.FromString, pb.GetBlobStatusResponse.SerializeToString
        ),
        "PutBlob": grpc.stream_unary_rpc_method_handler(
            service.put_blob, decode_put, pb.PutBlobResponse.SerializeToString
        ),
        "GetBlob": grpc.unary_stream_rpc_method_handler(service.get_blob, pb.GetBlobRequest.FromString, encode_get),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))


class _BlobService:
    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def get_blob_status(self, request: pb.GetBlobStatusRequest, context: _Context) -> pb.GetBlobStatusResponse:
        async with translated_errors(context):
            status = self._store.status(request.sha256)
            return pb.GetBlobStatusResponse(is_complete=status.is_complete, stored_bytes=status.stored_bytes)
        raise AssertionError("unreachable")

    async def put_blob(self, parts: AsyncIterator[_Part], context: _Context) -> pb.PutBlobResponse:
        async with translated_errors(context):
            header = await anext(parts, None)
            if not isinstance(header, pb.BlobHeader):
                raise RequestInvalidError(detail="the first message of PutBlob has to be its header")
            status = self._store.status(header.sha256)
            if status.is_complete and header.offset_bytes == status.stored_bytes:
                return pb.PutBlobResponse(is_complete=True, stored_bytes=status.stored_bytes)
            writer = await asyncio.to_thread(self._store.writer, header.sha256, header.size_bytes, header.offset_bytes)
            keep_freed_memory()
            with writer:
                await context.send_initial_metadata(((ACCEPTED_KEY, "1"),))
                return await _received(writer, parts)
        raise AssertionError("unreachable")

    async def get_blob(self, request: pb.GetBlobRequest, context: _Context) -> AsyncIterator[Chunk]:
        async with translated_errors(context):
            with self._store.pinned([request.sha256]):
                path = self._store.path(request.sha256)
                async for chunk in read_chunks(path, request.offset_bytes):
                    yield chunk


async def _received(writer: BlobWriter, parts: AsyncIterator[_Part]) -> pb.PutBlobResponse:
    """Append each chunk while the next one arrives, and commit when all bytes are here."""
    appending = asyncio.ensure_future(asyncio.to_thread(_append, writer, b""))
    async for part in parts:
        await appending
        appending = asyncio.ensure_future(asyncio.to_thread(_append, writer, part))
    await appending
    if writer.has_all:
        await asyncio.to_thread(writer.commit)
    give_memory_back()
    return pb.PutBlobResponse(is_complete=writer.has_all, stored_bytes=writer.stored_bytes)


def _append(writer: BlobWriter, part: _Part) -> None:
    if part is None or isinstance(part, pb.BlobHeader):
        raise RequestInvalidError(detail="behind the header, PutBlob takes only chunks")
    if len(part) > CHUNK_BYTES:
        raise RequestInvalidError(detail=f"a chunk has at most {CHUNK_BYTES} bytes, not {len(part)}")
    writer.append(part)
