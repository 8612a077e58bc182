"""A worker that the host of the worker unit started; its pipes end in this process."""

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

from mltest.agent.launch.host_connection import HostConnection
from mltest.shared.children.frames import MAX_FRAME_BYTES, Frame


class HostedProcess:
    """Signals and the end go through the host, which does everything in the order in which it was asked."""

    def __init__(
        self, host: HostConnection, pid: int, folder: Path, requests: asyncio.StreamWriter, answers: "AnswerPipe"
    ) -> None:
        self._host = host
        self._pid = pid
        self.folder = folder
        """In which it works, as it is called there."""
        self._requests = requests
        self._answers = answers
        self._status: int | None = None

    @classmethod
    async def start(cls, host: HostConnection, frame: Frame, stderr: int) -> "HostedProcess":
        """Send the order in `frame` with the far ends of new pipes.

        Raises:
            WorkerUnitError: the host is gone.

        """
        stdin, requests_end = _pipe()
        answers_end, stdout = _pipe()
        try:
            with stdin, stdout:
                answer, _ = await host.ask(frame, [stdin.fileno(), stdout.fileno(), stderr])
            answers = await AnswerPipe.open(answers_end)
            return cls(host, int(answer["pid"]), Path(answer["folder"]), await _writer(requests_end), answers)
        except BaseException:
            requests_end.close()
            answers_end.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        return self._pid

    @property
    def requests(self) -> asyncio.StreamWriter:
        """Its standard input."""
        return self._requests

    @property
    def answers(self) -> asyncio.StreamReader:
        """Its standard output."""
        return self._answers.reader

    def pause(self) -> None:
        """Have its process group stopped."""
        self._host.tell({"do": "pause", "pid": self._pid})

    def resume(self) -> None:
        """Have its process group go on."""
        self._host.tell({"do": "resume", "pid": self._pid})

    async def end(self) -> int:
        """Have the tree killed; return the exit status of its root."""
        if self._status is None:
            if not self._requests.transport.is_closing():
                self._requests.transport.abort()
            self._answers.close()
            answer, _ = await self._host.ask({"do": "kill", "pid": self._pid})
            self._status = int(answer["status"])
        return self._status


class AnswerPipe:
    """The reading end of a pipe."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self.reader = reader
        """Yields what was written."""
        self._transport = transport

    @classmethod
    async def open(cls, end: BinaryIO) -> "AnswerPipe":
        """Read from `end`, which belongs to the pipe from here on."""
        reader = asyncio.StreamReader(limit=MAX_FRAME_BYTES)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), end)
        return cls(reader, transport)

    def close(self) -> None:
        """Stop reading."""
        self._transport.close()


async def _writer(end: BinaryIO) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), end
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the reading and the writing end."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)
