"""A client that speaks just enough HTTP/2 to break its rules (RFC 9113, RFC 7541)."""

import asyncio
from contextlib import suppress
from types import TracebackType

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Return one frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def header_block(headers: dict[str, str]) -> bytes:
    """Return headers as literals that are not indexed (RFC 7541, section 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers.items())


def call_headers(method: str) -> dict[str, str]:
    """Return the headers that open a call of gRPC."""
    fixed = {":scheme": "http", ":authority": "agent", "te": "trailers", "content-type": "application/grpc"}
    return {":method": "POST", ":path": method, **fixed}


class RawConnection:
    """One connection that has sent the preface and its settings, and reads whatever comes."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._reading: asyncio.Task[None] | None = None
        self.received: list[int] = []
        """Kinds of the frames that came."""

    async def send(self, content: bytes) -> bool:
        """Send bytes; return whether the connection still stands."""
        with suppress(OSError):
            self.writer.write(content)
            await self.writer.drain()
        return not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether the peer closed the connection."""
        assert self._reading is not None
        return self._reading.done()

    async def received_frames(self, kind: int, count: int) -> None:
        """Return once so many frames of a kind have come, or the connection is closed."""
        while self.received.count(kind) < count and not self.is_closed:
            await asyncio.sleep(0.02)

    async def closed(self) -> None:
        """Return once the peer has closed the connection."""
        assert self._reading is not None
        await asyncio.wait({self._reading})

    async def __aenter__(self) -> "RawConnection":
        reader, self.writer = await asyncio.open_connection(self._host, int(self._port))
        self._reading = asyncio.ensure_future(self._read(reader))
        await self.send(PREFACE + frame(SETTINGS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._reading is not None
        self.writer.close()
        self._reading.cancel()
        await asyncio.wait({self._reading})

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(9)
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                self.received.append(head[3])
                if head[3] == SETTINGS and not head[4] & ACK:
                    self.writer.write(frame(SETTINGS, ACK))


def _text(text: str) -> bytes:
    content = text.encode()
    return _length(len(content)) + content


def _length(number: int) -> bytes:
    """Return an integer with a prefix of 7 bits (RFC 7541, section 5.1)."""
    if number < 127:
        return bytes((number,))
    digits = bytearray((127,))
    number -= 127
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
