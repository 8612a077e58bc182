"""A child Python process that opens untrusted bytes: asked by frames, paused, killed as a whole tree."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from mltest.shared.child_process import ChildLimits, ChildProcess, ExecProcess
from mltest.shared.errors import ChildCrashedError, DeadlineError, InfrastructureError, error_class
from mltest.shared.frames import Frame, decode_frame, encode_frame

__all__ = ["Child", "ChildLimits"]

_STDERR_TAIL_BYTES = 2000


class Child:
    """A fresh interpreter that runs a module whose main calls `mltest.shared.child_side.serve`."""

    def __init__(self, process: ChildProcess, stderr: BinaryIO, spawned_ns: int) -> None:
        self._process = process
        self._stderr = stderr
        self.spawned_ns = spawned_ns
        """`perf_counter_ns` just before the process was started."""

    @classmethod
    async def spawn(
        cls, module: str, *, folder: Path, limits: ChildLimits, environment: Mapping[str, str] | None = None
    ) -> "Child":
        """Start `module` with `folder` as working directory and only the named variables in its environment."""
        stderr = stderr_file(folder)
        try:
            spawned_ns = time.perf_counter_ns()
            process = await ExecProcess.start(
                module, folder=folder, limits=limits, environment=environment or {}, stderr=stderr
            )
        except BaseException:
            stderr.close()
            raise
        return cls(process, stderr, spawned_ns)

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        return self._process.pid

    async def request(self, frame: Frame, *, timeout_s: float, what: str) -> Frame:
        """Send `frame` and return what the child's handler returned.

        Raises:
            DeadlineError: no answer within `timeout_s`; the tree has been killed.
            ChildCrashedError: the process died; signal or exit status and its last words are in the message.
            InfrastructureError: it is gone, and nobody knows why.
            MltestError: what the handler raised.

        """
        try:
            async with asyncio.timeout(timeout_s):
                self._process.requests.write(encode_frame(frame))
                await self._process.requests.drain()
                line = await self._process.answers.readline()
        except TimeoutError as error:
            await self.kill()
            raise DeadlineError(what=what, limit_s=timeout_s) from error
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._crashed() from error
        if not line.endswith(b"\n"):
            raise await self._crashed()
        answer = decode_frame(line)
        if "error" in answer:
            raise error_class(answer["error"]["code"])(answer["error"]["message"])
        result: Frame = answer["ok"]
        return result

    def pause(self) -> None:
        """Stop every thread of the child's group until `resume`."""
        self._process.pause()

    def resume(self) -> None:
        """Let a paused child go on."""
        self._process.resume()

    async def kill(self) -> None:
        """End the whole tree and wait for its root; doing it again changes nothing."""
        with suppress(InfrastructureError):
            await self._process.end()
        self._stderr.close()

    async def _crashed(self) -> ChildCrashedError:
        return ChildCrashedError(how=self._last_words(await self._process.end()))

    def _last_words(self, status: int) -> str:
        how = f"signal {_signal_name(-status)}" if status < 0 else f"exit status {status}"
        text = _tail(self._stderr).decode(errors="replace").strip()
        return f"{how}: {text.splitlines()[-1]}" if text else how


def stderr_file(folder: Path) -> BinaryIO:
    """Return a file without a name, on the disk of `folder`, for what a child says at its end."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder, buffering=0))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _tail(stream: BinaryIO) -> bytes:
    """Return the end of a file that may be as long as its writer liked, without moving where the child writes."""
    if stream.closed:
        return b""
    size_bytes = os.fstat(stream.fileno()).st_size
    return os.pread(stream.fileno(), _STDERR_TAIL_BYTES, max(0, size_bytes - _STDERR_TAIL_BYTES))
