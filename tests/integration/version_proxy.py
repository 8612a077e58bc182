"""A real gRPC server that stands before a real agent and speaks another version of the contract.

It passes bytes on, and changes what that version would say otherwise: methods that are not there yet, fields and events
that are not known yet.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from mltest.shared.grpc_options import channel_options, server_options
from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.local_door import local_door
from mltest.shared.trust.local_peers import LocalPeers
from mltest.v1 import agent_service_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = "/mltest.v1.AgentService/"
_STREAMS = {f"{_SERVICE}AttachVisit", f"{_SERVICE}WatchAgent", "/mltest.v1.BlobService/GetBlob"}
UNKNOWN_FIELD = b"\xc2\x3e\x05hello"
"""Field 1000 with five bytes: nobody knows it yet."""
UNKNOWN_EVENT = b"\xa2\x1f\x00"
"""Field 500, empty: a kind of event that nobody knows yet."""


@asynccontextmanager
async def speaking(version: int, least: int, agent: str) -> AsyncIterator[str]:
    """Yield an address at which the agent at the address `agent` speaks `version`, and accepts `least` and later."""
    server = grpc.aio.server(options=server_options())
    async with local_door(agent).channel(agent, channel_options()) as channel:
        server.add_generic_rpc_handlers((_Proxy(channel, version, least),))
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        publication = LocalPeers().publish(identity_from_pem(made_here()), address=address, is_clear=True)
        await server.start()
        try:
            yield address
        finally:
            await server.stop(None)
            publication.close()


class _Proxy(grpc.GenericRpcHandler):
    def __init__(self, channel: Any, version: int, least: int) -> None:
        self._channel = channel
        self._version = version
        self._least = least

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        method = str(details.method)
        if self._version == 1 and method.endswith("/AcknowledgeVisit"):
            return None

        async def unary(request: bytes, context: _Context) -> bytes:
            return await self._unary(method, request, context)

        async def stream(request: bytes, context: _Context) -> AsyncIterator[bytes]:
            async for answer in self._stream(method, request, context):
                yield answer

        async def put(requests: AsyncIterator[bytes], context: _Context) -> bytes:
            return await self._put(method, requests, context)

        if method in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(stream)
        if method.endswith("/PutBlob"):
            return grpc.stream_unary_rpc_method_handler(put)
        return grpc.unary_unary_rpc_method_handler(unary)

    async def _unary(self, method: str, request: bytes, context: _Context) -> bytes:
        call = self._channel.unary_unary(method)(self._asked(method, request))
        return self._answer(method, await _ended(call, context))

    async def _put(self, method: str, requests: AsyncIterator[bytes], context: _Context) -> bytes:
        call = self._channel.stream_unary(method)(requests)
        await context.send_initial_metadata(tuple(await call.initial_metadata()))
        return await _ended(call, context)

    async def _stream(self, method: str, request: bytes, context: _Context) -> AsyncIterator[bytes]:
        if not method.endswith("/AttachVisit"):
            async for answer in self._channel.unary_stream(method)(request):
                yield answer
            return
        attach = pb.AttachVisitRequest.FromString(request)
        wanted, is_newer = max(1, attach.from_seq), self._version > 2
        if is_newer and wanted > 2:
            attach.from_seq = wanted - 1
        try:
            async for encoded in self._channel.unary_stream(method)(attach.SerializeToString()):
                answer = pb.AttachVisitResponse.FromString(encoded)
                seq = answer.event.seq
                if is_newer and seq > 1:
                    answer.event.seq = seq + 1
                if is_newer and seq == 2 and wanted <= 2:
                    yield _unknown_event(2)
                if not is_newer or answer.event.seq >= wanted:
                    yield _odd(answer) if is_newer else encoded
        except grpc.aio.AioRpcError as error:
            await _abort(error, context)

    def _asked(self, method: str, encoded: bytes) -> bytes:
        """Count acknowledged events as the agent counts them, without the one that it did not send."""
        kinds: dict[str, Any] = {"RenewLease": pb.RenewLeaseRequest, "AcknowledgeVisit": pb.AcknowledgeVisitRequest}
        kind = kinds.get(method.rpartition("/")[2])
        if kind is None or self._version <= 2:
            return encoded
        request = kind.FromString(encoded)
        if request.received.seq > 1:
            request.received.seq -= 1
        return bytes(request.SerializeToString())

    def _answer(self, method: str, encoded: bytes) -> bytes:
        if not method.endswith("/DescribeAgent"):
            return encoded + (UNKNOWN_FIELD if self._version > 2 and method.startswith(_SERVICE) else b"")
        answer = pb.DescribeAgentResponse.FromString(encoded)
        answer.agent.protocol_version, answer.agent.min_protocol_version = self._version, self._least
        if self._version == 1:
            answer.ClearField("use")
        return answer.SerializeToString()


def _unknown_event(seq: int) -> bytes:
    event = bytes([0x08, seq]) + UNKNOWN_EVENT
    return bytes([0x0A, len(event)]) + event


def _odd(answer: pb.AttachVisitResponse) -> bytes:
    """Return the answer with a field and an enum number that are not known yet."""
    for remark in answer.event.candidate_ended.remarks if answer.event.HasField("candidate_ended") else ():
        remark.kind = 99  # type: ignore[assignment]  # that is the point
    return answer.SerializeToString() + UNKNOWN_FIELD


async def _ended(call: Any, context: _Context) -> bytes:
    try:
        return bytes(await call)
    except grpc.aio.AioRpcError as error:
        await _abort(error, context)
    raise AssertionError("unreachable")


async def _abort(error: grpc.aio.AioRpcError, context: _Context) -> None:
    metadata = tuple((key, value) for key, value in error.trailing_metadata() or () if key.startswith("mltest-"))
    await context.abort(error.code(), error.details() or "", metadata)
