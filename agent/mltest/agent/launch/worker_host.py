"""The program of the worker unit: starts, pauses and ends worker processes for the agent that connected.

systemd starts it for one connection, as a user of its own, without network and without a view of anybody's files. It
opens no untrusted byte. When the agent hangs up, however it ended, this process ends, and systemd kills what is left.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.launch.messages import close_all, receive_message, send_message
from mltest.agent.launch.output_file import open_output
from mltest.agent.launch.unit_time import own_ticks
from mltest.shared.children.child_process import KILL_WAIT_S, child_command, child_variables, new_mark
from mltest.shared.children.frames import Frame
from mltest.shared.children.process_tree import kill_tree, signal_tree
from mltest.shared.errors import DiskFullError, MltestError, RequestInvalidError
from mltest.shared.sandbox.limits import limits_from_argument

MAX_CHILDREN = 256

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PR_SET_DUMPABLE = 4
"""prctl(2)."""
_FIRST_TO_DIE = "1000"
"""proc(5), oom_score_adj: a worker goes before its host, which has to tell of it."""

Answer = tuple[Frame, list[int]]


@dataclass(frozen=True, slots=True)
class _Hosted:
    process: "subprocess.Popen[bytes]"
    mark: str
    folder: Path


class WorkerHost:
    """Serves one connection; `folder` is empty, and for the workers of this connection."""

    def __init__(self, channel: socket.socket, folder: Path) -> None:
        self._channel = channel
        self._inputs = folder / "inputs"
        self._work = folder / "work"
        self._children: dict[int, _Hosted] = {}
        self._handlers: dict[str, Callable[[Frame, list[int]], Answer]] = {
            "start": self._start,
            "pause": lambda frame, _: self._signal(frame, signal.SIGSTOP),
            "resume": lambda frame, _: self._signal(frame, signal.SIGCONT),
            "kill": self._kill,
            "bring": self._bring,
            "fetch": self._fetch,
            "ticks": lambda *_: ({"ticks": own_ticks()}, []),
        }

    def serve(self) -> None:
        """Do what the agent asks until it hangs up; then end every worker."""
        for folder in (self._inputs, self._work):
            folder.mkdir(mode=0o700)
        try:
            send_message(self._channel, {"ready": {}})
            while (received := receive_message(self._channel)) is not None:
                self._handle(*received)
        except OSError:
            # The agent is gone in the middle of a message.
            return
        finally:
            for pid in tuple(self._children):
                self._end(pid)

    def _handle(self, frame: Frame, files: list[int]) -> None:
        sent: list[int] = []
        try:
            ok, sent = self._handlers[frame["do"]](frame, files)
            answer: Frame = {"ok": ok}
        except MltestError as error:
            answer = {"error": {"code": error.code, "message": error.message}}
        except (KeyError, TypeError, ValueError, OSError) as error:
            answer = {"error": {"code": "INTERNAL", "message": f"the host of workers failed: {error!r}"}}
        finally:
            close_all(files)
        try:
            if "id" in frame:
                send_message(self._channel, {"id": frame["id"], **answer}, sent)
        finally:
            close_all(sent)

    def _start(self, frame: Frame, files: list[int]) -> Answer:
        if len(self._children) >= MAX_CHILDREN:
            raise RequestInvalidError(detail=f"a room has at most {MAX_CHILDREN} workers")
        mark = new_mark()
        stdin, stdout, stderr = files
        limits = limits_from_argument(frame["limits"])
        folder = Path(tempfile.mkdtemp(prefix="worker-", dir=self._work))
        python = Path(frame["python"]) if "python" in frame else None
        process = subprocess.Popen(
            child_command(frame["module"], limits, python),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=child_variables(mark, folder, limits, frame["environment"]),
            start_new_session=True,
        )
        with suppress(OSError):
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(_FIRST_TO_DIE)
        self._children[process.pid] = _Hosted(process, mark, folder)
        return {"pid": process.pid, "folder": str(folder)}, []

    def _signal(self, frame: Frame, number: signal.Signals) -> Answer:
        if (hosted := self._children.get(frame["pid"])) is not None and hosted.process.returncode is None:
            signal_tree(frame["pid"], number)
        return {}, []

    def _kill(self, frame: Frame, _: list[int]) -> Answer:
        return {"status": self._end(frame["pid"])}, []

    def _end(self, pid: int) -> int:
        hosted = self._children[pid]
        if hosted.process.returncode is None:
            kill_tree(pid, hosted.mark)
            with suppress(subprocess.TimeoutExpired):
                # One that hangs in the kernel is left to systemd.
                hosted.process.wait(KILL_WAIT_S)
        return -signal.SIGKILL if hosted.process.returncode is None else hosted.process.returncode

    def _bring(self, frame: Frame, files: list[int]) -> Answer:
        path = self._inputs / _checked(frame["name"])
        (source,) = files
        try:
            with os.fdopen(os.dup(source), "rb") as stream, path.open("xb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise DiskFullError(needed_bytes=os.fstat(source).st_size, folder=self._inputs) from error
        path.chmod(0o400)
        return {"path": str(path)}, []

    def _fetch(self, frame: Frame, _: list[int]) -> Answer:
        with open_output(self._children[frame["pid"]].folder / _checked(frame["name"])) as stream:
            return {}, [os.dup(stream.fileno())]


def main() -> int:
    """Serve the agent at standard input."""
    # Workers are of the same user: they get no look into this process.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    with _channel() as channel, tempfile.TemporaryDirectory(prefix="mltest-", ignore_cleanup_errors=True) as folder:
        WorkerHost(channel, Path(folder)).serve()
    return 0


@contextmanager
def _channel() -> Iterator[socket.socket]:
    """Move the connection away from standard input, which workers and libraries take for something else."""
    with socket.socket(fileno=os.dup(0)) as channel:
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        yield channel


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise RequestInvalidError(detail=f"{name!r} is no name of a file")
    return name
