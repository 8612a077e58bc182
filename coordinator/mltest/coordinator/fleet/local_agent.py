"""An agent on this machine, for jobs where no other answers: a process of its own, started and stopped here."""

import asyncio
import json
import socket
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mltest.shared.errors import AgentUnreachableError

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_LAST_WORDS_LINES = 3


class LocalAgent:
    """A real agent process, from entering to leaving; it ends with this process at the latest."""

    def __init__(self, folder: Path, *, allows_pickle: bool, runtimes: Sequence[str]) -> None:
        """`runtimes` are those that it has to have: it looks at no others, which would each take seconds."""
        self._command = _command(folder, allows_pickle=allows_pickle, runtimes=runtimes)
        self._process: asyncio.subprocess.Process | None = None
        self._log: deque[str] = deque(maxlen=_LAST_WORDS_LINES)
        self._reading: asyncio.Task[None] | None = None
        self.address = ""
        """host:port, once it listens."""

    async def __aenter__(self) -> "LocalAgent":
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C of the terminal is for this process: it decides what becomes of the agent.
            start_new_session=True,
        )
        self._reading = asyncio.ensure_future(self._keep_log(self._process))
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                self.address = await self._listening(self._process)
        except BaseException as error:
            await self._stop()
            if isinstance(error, TimeoutError):
                raise AgentUnreachableError(agent="local", detail="it did not start in time") from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _listening(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None
        async for line in process.stdout:
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("event") == "listening":
                    return str(event["address"])
        await asyncio.gather(*([self._reading] if self._reading else []))
        last_words = " ".join(self._log) or f"it ended with status {await process.wait()}"
        raise AgentUnreachableError(agent="local", detail=f"it did not start: {last_words}")

    async def _keep_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self._log.append(line.decode(errors="replace").strip())

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reading is not None:
            await self._reading


def _command(folder: Path, *, allows_pickle: bool, runtimes: Sequence[str]) -> list[str]:
    return [
        *(sys.executable, "-m", "mltest.agent.cli", "serve", "--listen", "127.0.0.1", "--port", "0"),
        *("--no-advertise", "--exit-with-parent", "--state-dir", str(folder), "--name", socket.gethostname()),
        *("--needed-runtimes", ",".join(runtimes)),
        *(("--allow-pickle",) if allows_pickle else ()),
    ]
