"""mltest-powerd: tells members of one group what energy counters say; it can do nothing else.

systemd listens and hands the socket over (sd_listen_fds(3)). No path comes from a client: names are checked against
a pattern, and looked up below one folder of the kernel.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mltest.agent.power.counters import Counters
from mltest.agent.power.domain import MAX_LINE_BYTES, domains_to_line, reading_to_line
from mltest.shared.errors import RequestInvalidError

_LOG = logging.getLogger(__name__)

MAX_CLIENTS = 16
"""Further connections are closed at once."""
IDLE_S = 300.0
"""A client that asks nothing for so long is hung up on."""

_FIRST_SOCKET = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


def answer(counters: Counters, line: bytes) -> bytes | None:
    """Return the answer to a request; None if it is none."""
    words = line.decode("ascii", errors="replace").split()
    if words == ["domains"]:
        return domains_to_line(counters.domains())
    if len(words) == 2 and words[0] == "read":
        return reading_to_line(counters.read(words[1]))
    return None


async def serve(listener: socket.socket, counters: Counters, stopping: asyncio.Event) -> None:
    """Answer clients of `listener`, which it closes, until `stopping` is set."""
    clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients[writer] = asyncio.current_task()
        try:
            if len(clients) <= MAX_CLIENTS:
                await _answer_all(counters, reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            _LOG.debug("a client was hung up on")
        finally:
            del clients[writer]
            writer.close()

    server = await asyncio.start_unix_server(serve_client, sock=listener, limit=MAX_LINE_BYTES)
    async with server:
        await stopping.wait()
        ending = [task for task in clients.values() if task is not None]
        for writer in clients:
            writer.close()
    if ending:
        await asyncio.wait(ending)


async def _answer_all(counters: Counters, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        async with asyncio.timeout(IDLE_S):
            line = await reader.readuntil(b"\n")
            if (text := answer(counters, line)) is None:
                return
            writer.write(text)
            await writer.drain()


def listener_of(environment: Mapping[str, str], pid: int) -> socket.socket:
    """Return the socket that systemd passes to the process `pid`.

    Raises:
        RequestInvalidError: it passes none, or several.

    """
    if environment.get("LISTEN_PID") != str(pid) or environment.get("LISTEN_FDS") != "1":
        raise RequestInvalidError(
            detail="this program gets its socket from systemd",
            next_step="systemctl enable --now mltest-powerd.socket",
        )
    listener = socket.socket(fileno=_FIRST_SOCKET)
    listener.set_inheritable(False)
    return listener


async def run(listener: socket.socket, root: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with suppress(asyncio.CancelledError):
        await serve(listener, Counters(root), stopping)
