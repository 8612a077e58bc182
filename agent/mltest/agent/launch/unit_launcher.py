"""Workers in the worker unit of systemd: another user, without network, and without a view of the agent's files.

One connection to its socket is one visit; the unit ends with the connection. Requests and answers of a worker go over
pipes from this process to it, as if it were a child of this process.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path

from mltest.agent.launch.host_connection import COPY_TIMEOUT_S, HostConnection
from mltest.agent.launch.hosted_process import HostedProcess
from mltest.agent.launch.output_file import regular_file
from mltest.agent.launch.role import OwnTime
from mltest.shared.children.child import Child, ChildLimits, stderr_file
from mltest.shared.errors import PredictionError, WorkerUnitError
from mltest.shared.sandbox.limits import limits_to_argument


class UnitRoom:
    """One activation of the worker unit; `folder` keeps what workers say at their end."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._host: HostConnection | None = None
        self._brought: dict[Path, Path] = {}
        self._processes: dict[Child, HostedProcess] = {}

    async def open(self) -> None:
        """Connect to the unit's socket, which starts it."""
        self._host = await HostConnection.open(self._path)

    async def spawn(
        self, module: str, *, limits: ChildLimits, environment: Mapping[str, str], python: Path | None = None
    ) -> Child:
        """Have the host start a worker at the other ends of new pipes."""
        orders = {"module": module, "limits": limits_to_argument(limits), "environment": dict(environment)}
        orders |= {} if python is None else {"python": str(python)}
        stderr = stderr_file(self._folder)
        with ExitStack() as on_failure:
            on_failure.callback(stderr.close)
            spawned_ns = time.perf_counter_ns()
            process = await HostedProcess.start(self._connection(), {"do": "start", **orders}, stderr.fileno())
            on_failure.pop_all()
        child = Child(process, limits, stderr, spawned_ns)
        self._processes[child] = process
        return child

    async def bring(self, path: Path) -> Path:
        """Have the host copy a file into the unit, once."""
        if path not in self._brought:
            with path.open("rb") as stream:
                frame = {"do": "bring", "name": f"{len(self._brought)}-{path.name}"}
                answer, _ = await self._connection().ask(frame, [stream.fileno()], timeout_s=COPY_TIMEOUT_S)
            self._brought[path] = Path(answer["path"])
        return self._brought[path]

    def output(self, child: Child, name: str) -> Path:
        """Return a path in the unit."""
        return self._processes[child].folder / name

    async def fetch(self, child: Child, name: str) -> BufferedReader:
        """Get a file of the unit as an open one."""
        _, files = await self._connection().ask({"do": "fetch", "pid": child.pid, "name": name})
        if len(files) != 1:
            raise PredictionError(detail="the worker wrote no file")
        return regular_file(files[0])

    async def own_time(self) -> OwnTime:
        """Ask the host, because processes of other users may be invisible here."""
        answer, _ = await self._connection().ask({"do": "ticks"})
        return OwnTime(unseen_ticks=int(answer["ticks"]))

    async def close(self) -> None:
        """Kill every worker that is left, and hang up: the unit ends, with whatever is left in it."""
        try:
            while self._processes:
                child, _ = self._processes.popitem()
                await child.kill()
        finally:
            if self._host is not None:
                await self._host.close()

    def _connection(self) -> HostConnection:
        if self._host is None:
            raise WorkerUnitError(socket=self._path, detail="there is no connection to it")
        return self._host


class UnitLauncher:
    """Starts workers through the socket of the worker unit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def room(self, folder: Path) -> UnitRoom:
        """Return a room that is not open yet."""
        return UnitRoom(self._path, folder)
