"""The fault proxy itself, with plain sockets: a fault that is not there would prove nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.faults.line import PERFECT, Line
from tests.faults.tcp_proxy import FaultProxy

DEADLINE_S = 20.0
TEXT = bytes(range(256)) * 40


@dataclass(slots=True)
class Echo:
    """A server that sends back what it gets."""

    address: str = ""
    pieces: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                self.pieces.append(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    found = Echo()
    async with asyncio.timeout(DEADLINE_S), await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        found.address = f"{host}:{port}"
        yield found


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def answer(proxy: FaultProxy, text: bytes = TEXT) -> bytes:
    reader, writer = await connect(proxy)
    writer.write(text)
    writer.write_eof()
    try:
        return await reader.read(-1)
    finally:
        writer.close()


async def took_s(proxy: FaultProxy, text: bytes) -> float:
    clock = asyncio.get_running_loop().time
    start_s = clock()
    assert await answer(proxy, text) == text
    return clock() - start_s


async def test_a_perfect_line_passes_everything_on_and_counts_it(echo: Echo) -> None:
    async with FaultProxy(echo.address) as proxy:
        assert await answer(proxy) == TEXT
        assert (proxy.to_target.passed_bytes, proxy.to_client.passed_bytes) == (len(TEXT), len(TEXT))
        assert proxy.connection_count == 1


async def test_latency_holds_for_each_direction(echo: Echo) -> None:
    async with FaultProxy(echo.address, Line(latency_s=0.1)) as proxy:
        assert await took_s(proxy, b"x") >= 0.2


async def test_a_thin_line_takes_its_time(echo: Echo) -> None:
    async with FaultProxy(echo.address, Line(bytes_per_s=20_000)) as proxy:
        assert await took_s(proxy, TEXT) >= 0.5


async def test_crumbs_arrive_in_order(echo: Echo) -> None:
    async with FaultProxy(echo.address, Line(slice_bytes=7)) as proxy:
        assert await answer(proxy) == TEXT
    assert min(map(len, echo.pieces)) <= 7


async def test_a_connection_is_reset_after_so_many_bytes(echo: Echo) -> None:
    async with FaultProxy(echo.address, Line(reset_after_bytes=1000)) as proxy:
        with pytest.raises(ConnectionResetError):
            await answer(proxy)
        assert proxy.to_target.passed_bytes == 1000


async def test_exactly_one_bit_is_flipped(echo: Echo) -> None:
    async with FaultProxy(echo.address, Line(flip_at_byte=5000, slice_bytes=999)) as proxy:
        found = await answer(proxy)
    assert [place for place, byte in enumerate(found) if byte != TEXT[place]] == [5000]
    assert found[5000] == TEXT[5000] ^ 1


async def test_a_black_hole_keeps_quiet_and_delivers_once_it_is_healed(echo: Echo) -> None:
    async with FaultProxy(echo.address) as proxy:
        reader, writer = await connect(proxy)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        proxy.line = Line(is_black_hole=True)
        writer.write(b"during")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        proxy.line = PERFECT
        assert await reader.readexactly(6) == b"during"
        writer.close()


async def test_a_cut_resets_what_stands_and_takes_what_comes(echo: Echo) -> None:
    async with FaultProxy(echo.address) as proxy:
        reader, writer = await connect(proxy)
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert await answer(proxy) == TEXT


async def test_a_script_changes_the_line(echo: Echo) -> None:
    async with FaultProxy(echo.address) as proxy:
        await proxy.play([(0.05, Line(is_black_hole=True)), (0.0, Line(latency_s=0.1))])
        assert proxy.line == Line(latency_s=0.1)


async def test_a_target_that_is_gone_resets_the_client() -> None:
    async with asyncio.timeout(DEADLINE_S), FaultProxy("127.0.0.1:1") as proxy:
        with pytest.raises(ConnectionResetError):
            await answer(proxy)
