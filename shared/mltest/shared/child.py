"""A child Python process that opens untrusted bytes: started by exec, asked by frames, killed as a whole tree."""

import asyncio
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from mltest.shared.errors import ChildCrashedError, DeadlineError, InfrastructureError, MltestError, error_class
from mltest.shared.frames import MAX_FRAME_BYTES, Frame, decode_frame, encode_frame
from mltest.shared.process_tree import MARK, kill_tree, signal_tree
from mltest.shared.sandbox.limit_errors import crash_error
from mltest.shared.sandbox.limits import PARENT_PID, ChildLimits, Confinement, limits_to_argument

__all__ = ["Child", "ChildLimits", "Confinement"]

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
_STDERR_TAIL_BYTES = 2000
_NONSENSE = (KeyError, ValueError, TypeError, RecursionError)
"""What reading an answer raises that the child forged."""


class Child:
    """A fresh interpreter that runs a module whose main calls `mltest.shared.child_side.serve`."""

    def __init__(
        self, process: asyncio.subprocess.Process, mark: str, limits: ChildLimits, stderr: BinaryIO, spawned_ns: int
    ) -> None:
        self._process = process
        self._mark = mark
        self._limits = limits
        self._stderr = stderr
        self._last_words = ""
        self.spawned_ns = spawned_ns
        """`perf_counter_ns` just before the process was started."""

    @classmethod
    async def spawn(
        cls, module: str, *, folder: Path, limits: ChildLimits, environment: Mapping[str, str] | None = None
    ) -> "Child":
        """Start `module` with `folder` as working directory and only the named variables in its environment.

        A confined child may write nowhere but below `folder`, which is its home, too.
        """
        mark = uuid.uuid4().hex
        variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        if limits.confinement is not Confinement.NONE:
            variables |= {"HOME": str(folder), "TMPDIR": str(folder)}
        variables |= {MARK: mark, PARENT_PID: str(os.getpid()), **(environment or {})}
        spawned_ns = time.perf_counter_ns()
        # Opened once: the child could put something else at a path, and whoever reads it would read that.
        stderr: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # `kill` closes it
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", module),
                limits_to_argument(limits),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                cwd=folder,
                env=variables,
                start_new_session=True,
                limit=MAX_FRAME_BYTES,
            )
        except BaseException:
            stderr.close()
            raise
        return cls(process, mark, limits, stderr, spawned_ns)

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
            MltestError: what the handler raised; never that the infrastructure is at fault.

        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                self._process.stdin.write(encode_frame(frame))
                await self._process.stdin.drain()
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            await self.kill()
            raise DeadlineError(what=what, limit_s=timeout_s) from error
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._crashed() from error
        if not line.endswith(b"\n"):
            raise await self._crashed()
        try:
            return _answered(line)
        except _NONSENSE as error:
            await self.kill()
            raise ChildCrashedError(how=f"its answer makes no sense ({type(error).__name__})") from error

    def pause(self) -> None:
        """Stop every thread of the child's group until `resume`."""
        signal_tree(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused child go on."""
        signal_tree(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """End the whole tree and wait for its root; doing it again changes nothing."""
        kill_tree(self.pid, self._mark)
        await self._process.wait()
        if not self._stderr.closed:
            self._last_words = _tail(self._stderr)
            self._stderr.close()

    async def _crashed(self) -> MltestError:
        await self.kill()
        status = self._process.returncode or 0
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return crash_error(f"{how}: {self._last_words}" if self._last_words else how, self._limits)


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


def _tail(stream: BinaryIO) -> str:
    """Return the last line of `stream`, of which only the end is read."""
    size = os.fstat(stream.fileno()).st_size
    text = os.pread(stream.fileno(), _STDERR_TAIL_BYTES, max(size - _STDERR_TAIL_BYTES, 0)).decode(errors="replace")
    return (text.strip().splitlines() or [""])[-1]
