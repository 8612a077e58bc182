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

from mltest.shared.children.child_process import ChildProcess, ExecProcess
from mltest.shared.children.frames import MAX_FRAME_BYTES, Frame, decode_frame, encode_frame
from mltest.shared.errors import ChildCrashedError, DeadlineError, InfrastructureError, MltestError, error_class
from mltest.shared.sandbox.limit_errors import crash_error
from mltest.shared.sandbox.limits import ChildLimits, Confinement
from mltest.shared.units import bytes_text

__all__ = ["Child", "ChildLimits", "Confinement"]

_STDERR_TAIL_BYTES = 2000
_NONSENSE = (KeyError, ValueError, TypeError, RecursionError)
"""What reading an answer raises that the child forged."""


class Child:
    """A fresh interpreter that runs a module whose main calls `mltest.shared.children.child_side.serve`."""

    def __init__(self, process: ChildProcess, limits: ChildLimits, stderr: BinaryIO, spawned_ns: int) -> None:
        self._process = process
        self._limits = limits
        self._stderr = stderr
        self._last_words = ""
        self.spawned_ns = spawned_ns
        """`perf_counter_ns` just before the process was started."""

    @classmethod
    async def spawn(
        cls,
        module: str,
        *,
        folder: Path,
        limits: ChildLimits,
        environment: Mapping[str, str] | None = None,
        python: Path | None = None,
    ) -> "Child":
        """Start `module` with `folder` as working directory and only the named variables in its environment.

        A confined child may write nowhere but below `folder`, which is its home, too. `python` is an interpreter of
        another virtual environment, from which all but this software is imported then.

        Raises:
            EnvironmentBrokenError: there is no interpreter `python`.

        """
        stderr = stderr_file(folder)
        try:
            spawned_ns = time.perf_counter_ns()
            process = await ExecProcess.start(
                module, folder=folder, limits=limits, environment=environment or {}, stderr=stderr, python=python
            )
        except BaseException:
            stderr.close()
            raise
        return cls(process, limits, stderr, spawned_ns)

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        return self._process.pid

    async def request(self, frame: Frame, *, timeout_s: float, what: str) -> Frame:
        """Send `frame` and return what the child's handler returned.

        Raises:
            DeadlineError: no answer within `timeout_s`; the tree has been killed.
            ChildCrashedError: the process died; signal or exit status and its last words are in the message. Or its
                answer makes no sense, and the tree has been killed.
            ResourceLimitError: it died of a limit.
            InfrastructureError: it is gone, and nobody knows why.
            MltestError: what the handler raised; never that the infrastructure is at fault.

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
        except ValueError as error:
            await self.kill()
            raise ChildCrashedError(how=f"its answer is longer than {bytes_text(MAX_FRAME_BYTES)}") from error
        if not line.endswith(b"\n"):
            raise await self._crashed()
        try:
            return _answered(line)
        except _NONSENSE as error:
            await self.kill()
            raise ChildCrashedError(how=f"its answer makes no sense ({type(error).__name__})") from error

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
        self._keep_last_words()

    async def _crashed(self) -> MltestError:
        status = await self._process.end()
        self._keep_last_words()
        how = f"signal {_signal_name(-status)}" if status < 0 else f"exit status {status}"
        return crash_error(f"{how}: {self._last_words}" if self._last_words else how, self._limits)

    def _keep_last_words(self) -> None:
        if not self._stderr.closed:
            self._last_words = _last_line(self._stderr)
            self._stderr.close()


def stderr_file(folder: Path) -> BinaryIO:
    """Return a file without a name, on the disk of `folder`, for what a child says at its end.

    Nobody can put something else in its place.
    """
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder, buffering=0))


def _answered(line: bytes) -> Frame:
    answer = decode_frame(line)
    if "error" in answer:
        raise _raised(str(answer["error"]["code"]), str(answer["error"]["message"]))
    result: Frame = answer["ok"]
    if not isinstance(result, dict):
        raise TypeError("an answer is a JSON object")
    return result


def _raised(code: str, message: str) -> MltestError:
    """Return the error that a child told; one of the infrastructure, which would be tried again, is not its to tell."""
    found = error_class(code)
    return ChildCrashedError(message) if issubclass(found, InfrastructureError) else found(message)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _last_line(stream: BinaryIO) -> str:
    """Return the end of a file that may be as long as its writer liked, without moving where the child writes."""
    size_bytes = os.fstat(stream.fileno()).st_size
    text = os.pread(stream.fileno(), _STDERR_TAIL_BYTES, max(0, size_bytes - _STDERR_TAIL_BYTES))
    return (text.decode(errors="replace").strip().splitlines() or [""])[-1]
