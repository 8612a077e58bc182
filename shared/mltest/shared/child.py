"""A child Python process that opens untrusted bytes: started by exec, asked by frames, killed as a whole tree."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.child_side import PARENT_PID
from mltest.shared.errors import ChildCrashedError, DeadlineError, error_class
from mltest.shared.frames import MAX_FRAME_BYTES, Frame, decode_frame, encode_frame
from mltest.shared.process_tree import MARK, kill_tree, signal_tree

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
_STDERR_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What the child sets for itself before it opens anything; 0 means no limit."""

    memory_bytes: int = 0
    """Private writable memory (RLIMIT_DATA)."""
    file_bytes: int = 0
    """Size of one written file (RLIMIT_FSIZE)."""


class Child:
    """A fresh interpreter that runs a module whose main calls `mltest.shared.child_side.serve`."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str, stderr: Path, spawned_ns: int) -> None:
        self._process = process
        self._mark = mark
        self._stderr = stderr
        self.spawned_ns = spawned_ns
        """`perf_counter_ns` just before the process was started."""

    @classmethod
    async def spawn(
        cls, module: str, *, folder: Path, limits: ChildLimits, environment: Mapping[str, str] | None = None
    ) -> "Child":
        """Start `module` with `folder` as working directory and only the named variables in its environment."""
        mark = uuid.uuid4().hex
        variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        variables |= {MARK: mark, PARENT_PID: str(os.getpid()), **(environment or {})}
        spawned_ns = time.perf_counter_ns()
        descriptor, name = tempfile.mkstemp(prefix="stderr-", dir=folder)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", module),
                json.dumps({"memory_bytes": limits.memory_bytes, "file_bytes": limits.file_bytes}),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=descriptor,
                cwd=folder,
                env=variables,
                start_new_session=True,
                limit=MAX_FRAME_BYTES,
            )
        finally:
            os.close(descriptor)
        return cls(process, mark, Path(name), spawned_ns)

    @property
    def pid(self) -> int:
        """Process id of the root of the tree."""
        return self._process.pid

    async def request(self, frame: Frame, *, timeout_s: float, what: str) -> Frame:
        """Send `frame` and return what the child's handler returned.

        Raises:
            DeadlineError: no answer within `timeout_s`; the tree has been killed.
            ChildCrashedError: the process died; signal or exit status and its last words are in the message.
            MltestError: what the handler raised.

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
        answer = decode_frame(line)
        if "error" in answer:
            raise error_class(answer["error"]["code"])(answer["error"]["message"])
        result: Frame = answer["ok"]
        return result

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

    async def _crashed(self) -> ChildCrashedError:
        await self.kill()
        return ChildCrashedError(how=self._last_words())

    def _last_words(self) -> str:
        status = self._process.returncode or 0
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        text = self._stderr.read_bytes()[-_STDERR_TAIL_BYTES:].decode(errors="replace").strip()
        return f"{how}: {text.splitlines()[-1]}" if text else how
