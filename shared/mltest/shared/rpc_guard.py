"""Bounds what callers of a server can hold: how many calls, how many streams, and how long they may say nothing.

The library's own limit (`maximum_concurrent_rpcs`) counts calls that never send their request and lets streams take
every place, so that one caller with two connections shuts everybody out. Here each call is served as a stream of
requests, whatever its kind: on the wire that is the same, and a call without a request can be ended.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from mltest.shared.errors import DeadlineError, RequestInvalidError, ServerBusyError
from mltest.shared.status import translated_errors

MAX_CALLS = 32
"""That are being served at once."""
MAX_STREAMS = 24
"""Of them; the rest is kept for calls that are short."""
MAX_STREAMS_OF_A_PEER = 16
"""Of one certificate; peers without one cannot be told apart."""
FIRST_REQUEST_S = 10.0
"""A call that has not sent its request within this is ended."""
NEXT_REQUEST_S = 60.0
"""So is an upload that pauses for so long."""
MAX_CALL_S = 600.0
"""For a call that is not a stream, also where the caller named no deadline."""

_Context = grpc.aio.ServicerContext[Any, Any]
_Handler = Any
"""A method of a servicer, of any of the four kinds."""


class RpcGuard(grpc.aio.ServerInterceptor):
    """Guards every call of one server."""

    def __init__(self) -> None:
        self._call_count = 0
        self._streams: Counter[bytes] = Counter()

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[_Handler | None]], details: grpc.HandlerCallDetails
    ) -> _Handler | None:
        """Return the handler that the server has for this call, guarded."""
        handler = await continuation(details)
        return None if handler is None else self._guarded(handler)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def serve_stream(requests: AsyncIterator[Any], context: _Context) -> None:
            async with translated_errors(context):
                heard = _heard(requests, await _first(requests, handler))
                with self._place(context, is_stream=True):
                    await _stream(handler, heard, context)

        async def serve_call(requests: AsyncIterator[Any], context: _Context) -> Any:
            async with translated_errors(context):
                heard = _heard(requests, await _first(requests, handler))
                with self._place(context, is_stream=handler.request_streaming):
                    return await _call(handler, heard, context)
            raise AssertionError("unreachable")

        serializers = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(serve_stream, *serializers)
        return grpc.stream_unary_rpc_method_handler(serve_call, *serializers)

    @contextmanager
    def _place(self, context: _Context, *, is_stream: bool) -> Iterator[None]:
        peer = _peer(context)
        self._check(peer, is_stream=is_stream)
        self._call_count += 1
        self._streams[peer] += is_stream
        try:
            yield
        finally:
            self._call_count -= 1
            self._streams[peer] -= is_stream
            self._streams = +self._streams

    def _check(self, peer: bytes, *, is_stream: bool) -> None:
        if self._call_count >= MAX_CALLS:
            raise ServerBusyError(what="calls", limit=MAX_CALLS)
        if is_stream and self._streams.total() >= MAX_STREAMS:
            raise ServerBusyError(what="streams", limit=MAX_STREAMS)
        if is_stream and peer and self._streams[peer] >= MAX_STREAMS_OF_A_PEER:
            raise ServerBusyError(what="streams of this caller", limit=MAX_STREAMS_OF_A_PEER)


async def _stream(handler: _Handler, requests: AsyncIterator[Any], context: _Context) -> None:
    """Serve a call whose answers are many; servicers yield them, or write them themselves."""
    if handler.request_streaming:
        answers = handler.stream_stream(requests, context)
    else:
        answers = handler.unary_stream(await anext(requests), context)
    if not inspect.isasyncgen(answers):
        await answers
        return
    try:
        async for answer in answers:
            await context.write(answer)
    finally:
        await answers.aclose()


async def _call(handler: _Handler, requests: AsyncIterator[Any], context: _Context) -> Any:
    """Serve a call with one answer."""
    if handler.request_streaming:
        return await handler.stream_unary(requests, context)
    request = await anext(requests)
    try:
        async with asyncio.timeout(MAX_CALL_S):
            return await handler.unary_unary(request, context)
    except TimeoutError as error:
        raise DeadlineError(what="This call", limit_s=MAX_CALL_S, next_step="ask for less") from error


async def _first(requests: AsyncIterator[Any], handler: _Handler) -> list[Any]:
    """Return the first request in a list; an empty one if the caller may send none, and says so."""
    try:
        async with asyncio.timeout(FIRST_REQUEST_S):
            return [await anext(requests)]
    except StopAsyncIteration:
        if not handler.request_streaming:
            raise RequestInvalidError(detail="the call ended without it") from None
        return []
    except TimeoutError as error:
        next_step = "send the request together with the call"
        raise DeadlineError(what="The request of this call", limit_s=FIRST_REQUEST_S, next_step=next_step) from error


async def _heard(requests: AsyncIterator[Any], first: list[Any]) -> AsyncIterator[Any]:
    """Yield `first` and what follows, as long as it keeps coming."""
    for request in first:
        yield request
        while True:
            try:
                async with asyncio.timeout(NEXT_REQUEST_S):
                    following = await anext(requests)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                next_step = "send it again; it goes on where it stopped"
                raise DeadlineError(what="The next message", limit_s=NEXT_REQUEST_S, next_step=next_step) from error
            yield following


def _peer(context: _Context) -> bytes:
    """Return what tells callers apart: their certificate; nothing where they show none."""
    return b"".join(context.auth_context().get("x509_pem_cert", ()))
