"""A TCP proxy that is as bad as a network can be, on command: latency, rate, crumbs, resets, flipped bits, black holes.

    async with FaultProxy(agent.address, Line(latency_s=0.25)) as proxy:
        ...                                     # talk to proxy.address instead
        proxy.line = Line(is_black_hole=True)   # from now on, for connections that stand too
        proxy.cut()                             # reset every connection, take new ones

`play` changes the line by a script; `to_target` and `to_client` count the bytes that were passed on.
"""

import asyncio
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from tests.faults.line import PERFECT, Line

_PIECE_S = 0.02
"""A thin line passes on at least as often."""
_UNDER_WAY_PIECES = 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close(2) send RST (socket(7))."""


class FaultProxy:
    """Listens on loopback and passes everything on to `target` (host:port) over a line that may change at any time."""

    def __init__(self, target: str, line: Line = PERFECT) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._state = _LineState(line)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.to_target = _Direction(self._state, is_damaging=True)
        self.to_client = _Direction(self._state, is_damaging=False)
        self.address = ""
        """host:port of the proxy."""
        self.connection_count = 0
        """That were ever taken."""

    @property
    def line(self) -> Line:
        """What happens to bytes now."""
        return self._state.line

    @line.setter
    def line(self, line: Line) -> None:
        self._state.change(line)

    def cut(self) -> None:
        """Reset every connection at once; new ones are taken."""
        for writer in tuple(self._writers):
            _reset(writer)

    async def play(self, script: Iterable[tuple[float, Line]]) -> None:
        """Let each line hold for its number of seconds, one after the other; the last one stays."""
        for duration_s, line in script:
            self.line = line
            await asyncio.sleep(duration_s)

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.line = PERFECT
        self.cut()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, int(self._port))
        except OSError:
            _reset(writer)
            return
        finally:
            self._writers.discard(writer)
        ends = {writer, far_writer}
        self._writers |= ends
        await asyncio.gather(
            self.to_target.carry(reader, far_writer, back=writer),
            self.to_client.carry(far_reader, writer, back=far_writer),
        )
        self._writers -= ends
        for end in ends:
            end.close()


class _LineState:
    def __init__(self, line: Line) -> None:
        self.line = line
        self._changed = asyncio.Event()

    def change(self, line: Line) -> None:
        self.line = line
        self._changed.set()
        self._changed = asyncio.Event()

    async def healed(self) -> None:
        while self.line.is_black_hole:
            await self._changed.wait()


class _Direction:
    """One direction of all connections."""

    def __init__(self, state: _LineState, *, is_damaging: bool) -> None:
        self._state = state
        self._is_damaging = is_damaging
        self._free_s = 0.0
        """When the line has sent what it was given."""
        self.passed_bytes = 0
        """On all connections together."""

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: asyncio.StreamWriter
    ) -> None:
        """Carry one connection until an end closes; `back` leads to where the bytes come from."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY_PIECES)
        arriving = asyncio.ensure_future(self._arrive(under_way, writer, back))
        piece = b"-"
        while piece:
            try:
                piece = await reader.read(self._piece_bytes())
            except ConnectionError:
                piece = b""
            await self._sent(len(piece))
            await under_way.put((_now_s() + self._state.line.latency_s, piece))
        await arriving

    def _piece_bytes(self) -> int:
        line = self._state.line
        return int(max(1, min(line.slice_bytes, line.bytes_per_s * _PIECE_S)))

    async def _sent(self, size_bytes: int) -> None:
        """Return when the line has taken so many bytes more."""
        self._free_s = max(_now_s(), self._free_s) + size_bytes / self._state.line.bytes_per_s
        await asyncio.sleep(self._free_s - _now_s())

    async def _arrive(
        self,
        under_way: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
    ) -> None:
        carried_bytes = 0
        while True:
            due_s, piece = await under_way.get()
            await asyncio.sleep(due_s - _now_s())
            await self._state.healed()
            if not piece:
                break
            damaged = _damaged(piece, carried_bytes, self._state.line) if self._is_damaging else piece
            carried_bytes += len(damaged)
            self.passed_bytes += len(damaged)
            if not await _written(writer, damaged) or len(damaged) < len(piece):
                _reset(writer)
                _reset(back)
        with suppress(OSError):
            writer.write_eof()


def _damaged(piece: bytes, carried_bytes: int, line: Line) -> bytes:
    """Return `piece` as `line` delivers it; shorter if the connection ends in it."""
    if line.flip_at_byte is not None and 0 <= (place := line.flip_at_byte - carried_bytes) < len(piece):
        piece = piece[:place] + bytes((piece[place] ^ 1,)) + piece[place + 1 :]
    if line.reset_after_bytes is not None:
        piece = piece[: max(0, line.reset_after_bytes - carried_bytes)]
    return piece


async def _written(writer: asyncio.StreamWriter, piece: bytes) -> bool:
    if writer.is_closing():
        return False
    writer.write(piece)
    try:
        await writer.drain()
    except OSError:
        return False
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    transport = writer.transport
    if not transport.is_closing():
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
