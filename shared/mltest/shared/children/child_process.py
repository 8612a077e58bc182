"""How a child process comes to be and is ended: the role that `Child` talks through, and its usual form by exec."""

import asyncio
import logging
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from mltest.shared.children.frames import MAX_FRAME_BYTES
from mltest.shared.children.other_interpreter import other_command
from mltest.shared.children.process_tree import MARK, kill_tree, signal_tree
from mltest.shared.errors import EnvironmentBrokenError
from mltest.shared.sandbox.limits import PARENT_PID, ChildLimits, Confinement, limits_to_argument

KILL_WAIT_S = 5.0
"""What a process may need to die of SIGKILL."""

_LOG = logging.getLogger(__name__)

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")


class ChildProcess(Protocol):
    """A child that was started, wherever that is; its pipes end here."""

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        ...

    @property
    def requests(self) -> asyncio.StreamWriter:
        """Its standard input."""
        ...

    @property
    def answers(self) -> asyncio.StreamReader:
        """What its standard output was when it started."""
        ...

    def pause(self) -> None:
        """Stop every thread of its process group; nothing happens if it is gone."""
        ...

    def resume(self) -> None:
        """Let its process group go on; nothing happens if it is gone."""
        ...

    async def end(self) -> int:
        """Kill the whole tree, wait for its root, return its exit status (minus the signal that it died of).

        Doing it again changes nothing.

        Raises:
            InfrastructureError: it is gone, and nobody knows what it died of.

        """
        ...


class ExecProcess:
    """A child of this process."""

    def __init__(self, transport: asyncio.SubprocessTransport, streams: "_Streams", mark: str) -> None:
        self._transport = transport
        self._streams = streams
        self._process = Process(transport, streams, asyncio.get_running_loop())
        self._mark = mark

    @classmethod
    async def start(
        cls,
        module: str,
        *,
        folder: Path,
        limits: ChildLimits,
        environment: Mapping[str, str],
        stderr: BinaryIO,
        python: Path | None = None,
    ) -> "ExecProcess":
        """Start `module` in `folder` with only the named variables in its environment.

        Raises:
            EnvironmentBrokenError: there is no interpreter `python`.

        """
        mark, loop = new_mark(), asyncio.get_running_loop()
        transport, streams = await loop.subprocess_exec(
            lambda: _Streams(limit=MAX_FRAME_BYTES, loop=loop),
            *child_command(module, limits, python),
            stdin=PIPE,
            stdout=PIPE,
            stderr=stderr,
            cwd=folder,
            env=child_variables(mark, folder, limits, environment),
            start_new_session=True,
        )
        return cls(transport, streams, mark)

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        return self._process.pid

    @property
    def requests(self) -> asyncio.StreamWriter:
        """Its standard input."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def answers(self) -> asyncio.StreamReader:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def pause(self) -> None:
        """Stop its process group."""
        signal_tree(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let its process group go on."""
        signal_tree(self.pid, signal.SIGCONT)

    async def end(self) -> int:
        """Kill the tree and return the exit status of its root; that of SIGKILL if it hangs in the kernel."""
        kill_tree(self.pid, self._mark)
        try:
            async with asyncio.timeout(KILL_WAIT_S):
                await self._streams.exited.wait()
        except TimeoutError:
            _LOG.warning("process %s hangs in the kernel and does not end", self.pid)
            return -signal.SIGKILL
        self._transport.close()
        status = self._transport.get_returncode()
        assert status is not None
        return status


class _Streams(SubprocessStreamProtocol):
    """Knows when the process has ended; `Process.wait` also waits for whoever else holds its pipes (gh-119710)."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        """Tell who waits."""
        super().process_exited()
        self.exited.set()


def new_mark() -> str:
    """Return a name for a tree of processes that no other has."""
    return uuid.uuid4().hex


def child_command(module: str, limits: ChildLimits, python: Path | None = None) -> list[str]:
    """Return the command line of a fresh, isolated interpreter that runs `module`: of `python`, or of this process.

    Raises:
        EnvironmentBrokenError: there is no interpreter `python`.

    """
    if python is None:
        return [sys.executable, "-I", "-m", module, limits_to_argument(limits)]
    if not os.access(python, os.X_OK):
        raise EnvironmentBrokenError(python=python)
    return other_command(python, module, limits_to_argument(limits))


def child_variables(mark: str, folder: Path, limits: ChildLimits, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child that works in `folder`: what it needs of ours, and `environment`."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    if limits.confinement is not Confinement.NONE:
        kept |= {"HOME": str(folder), "TMPDIR": str(folder)}
    return kept | {MARK: mark, PARENT_PID: str(os.getpid()), **environment}
