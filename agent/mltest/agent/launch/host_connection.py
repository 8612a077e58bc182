"""The agent's end of the connection to the host of its workers: asks, and gets answers with open files."""

import asyncio
import itertools
import socket
from collections.abc import Sequence
from pathlib import Path

from mltest.agent.launch.messages import close_all, receive_message, send_message
from mltest.shared.children.frames import Frame
from mltest.shared.errors import WorkerUnitError, error_class

REQUEST_TIMEOUT_S = 10.0
"""Of whatever the host does at once; killing a tree is the longest, see KILL_WAIT_S there."""
COPY_TIMEOUT_S = 600.0
"""Of 2 GiB on a slow card."""
PATIENCE_S = 15.0
"""How long a connection may be refused because the unit of the last visit is still ending."""
_RETRY_S = 0.1
"""systemd refuses a socket for good that is asked more than 200 times in 2 s (TriggerLimitBurst=)."""
_GONE_TIMEOUT_S = 10.0

Answer = tuple[Frame, list[int]]


class HostConnection:
    """One open connection."""

    def __init__(self, path: Path, channel: socket.socket) -> None:
        self._path = path
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel, self._read)

    @classmethod
    async def open(cls, path: Path, *, patience_s: float = PATIENCE_S) -> "HostConnection":
        """Connect, and wait until the host is ready.

        Raises:
            WorkerUnitError: nobody listens there, or somebody else uses the unit for longer than `patience_s`.

        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + patience_s
        while True:
            channel = await _connected(path)
            try:
                async with asyncio.timeout_at(deadline_s):
                    is_ready = await _is_greeted(channel)
            except TimeoutError as error:
                channel.close()
                raise WorkerUnitError(socket=path, detail="its host does not answer") from error
            except BaseException:
                channel.close()
                raise
            if is_ready:
                return cls(path, channel)
            channel.close()
            if loop.time() + _RETRY_S > deadline_s:
                raise WorkerUnitError(socket=path, detail="it is in use, or its host does not start")
            await asyncio.sleep(_RETRY_S)

    def tell(self, frame: Frame) -> None:
        """Send a message that has no answer; nothing happens if the host is gone."""
        try:
            send_message(self._channel, frame)
        except OSError:
            self._lose()

    async def ask(
        self, frame: Frame, files: Sequence[int] = (), *, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> tuple[Frame, list[int]]:
        """Send a message with open files; return the answer and its files, which belong to the caller.

        Raises:
            WorkerUnitError: the host is gone, or does not answer; the connection is lost then.
            MltestError: what the host raised.

        """
        number = next(self._numbers)
        self._waiting[number] = waiting = self._loop.create_future()
        try:
            if self._gone.is_set():
                raise self._lost()
            send_message(self._channel, {**frame, "id": number}, files)
            async with asyncio.timeout(timeout_s):
                answer, received = await waiting
        except (TimeoutError, OSError) as error:
            self._lose()
            raise self._lost() from error
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            close_all(received)
            raise error_class(answer["error"]["code"])(answer["error"]["message"])
        return answer["ok"], received

    async def close(self) -> None:
        """Hang up, and wait until the unit has ended, with every process in it; a second time changes nothing."""
        if self._channel.fileno() < 0:
            return
        if not self._gone.is_set():
            self._channel.shutdown(socket.SHUT_WR)
            try:
                async with asyncio.timeout(_GONE_TIMEOUT_S):
                    await self._gone.wait()
            except TimeoutError:
                self._lose()
        self._channel.close()

    def _read(self) -> None:
        try:
            received = receive_message(self._channel)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            received = None
        if received is None:
            self._lose()
            return
        answer, files = received
        waiting = self._waiting.pop(answer["id"], None) if isinstance(answer.get("id"), int) else None
        if waiting is None or waiting.done():
            close_all(files)
        else:
            waiting.set_result((answer, files))

    def _lose(self) -> None:
        if not self._gone.is_set():
            self._gone.set()
            self._loop.remove_reader(self._channel)
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(self._lost())

    def _lost(self) -> WorkerUnitError:
        return WorkerUnitError(socket=self._path, detail="its host ended in the middle of a visit")


async def _connected(path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(channel, str(path))
    except OSError as error:
        channel.close()
        raise WorkerUnitError(socket=path, detail=error.strerror or repr(error)) from error
    except BaseException:
        channel.close()
        raise
    return channel


async def _is_greeted(channel: socket.socket) -> bool:
    """Return whether the host says that it is ready; it does not if systemd hung up because the unit is in use."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(channel, readable.set)
    try:
        await readable.wait()
        received = receive_message(channel)
    except (OSError, ValueError):
        return False
    finally:
        loop.remove_reader(channel)
    if received is None:
        return False
    close_all(received[1])
    return "ready" in received[0]
