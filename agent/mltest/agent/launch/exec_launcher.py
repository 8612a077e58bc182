"""Workers as children of the agent: the way where no worker unit is installed."""

import asyncio
import tempfile
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

from mltest.agent.launch.output_file import open_output
from mltest.agent.launch.role import OwnTime
from mltest.shared.children.child import Child, ChildLimits


class ExecRoom:
    """A folder of the agent; its workers are its children."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folders: dict[Child, Path] = {}

    async def open(self) -> None:
        """Do nothing: the folder is there."""

    async def spawn(
        self, module: str, *, limits: ChildLimits, environment: Mapping[str, str], python: Path | None = None
    ) -> Child:
        """Start a child in a folder below."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="worker-", dir=self._folder))
        child = await Child.spawn(module, folder=folder, limits=limits, environment=environment, python=python)
        self._folders[child] = folder
        return child

    async def bring(self, path: Path) -> Path:
        """Return `path`: the child opens the very file."""
        return path

    def output(self, child: Child, name: str) -> Path:
        """Return a path in the folder of `child`."""
        return self._folders[child] / name

    async def fetch(self, child: Child, name: str) -> BufferedReader:
        """Open a file in the folder of `child`, and remove it."""
        return open_output(self.output(child, name))

    async def own_time(self) -> OwnTime:
        """Return the children: they are seen from here, and counted with their descendants."""
        return OwnTime(pids=tuple(child.pid for child in self._folders))

    async def close(self) -> None:
        """Kill every child that is left."""
        while self._folders:
            child, _ = self._folders.popitem()
            await child.kill()


class ExecLauncher:
    """Starts workers as children of this process."""

    def room(self, folder: Path) -> ExecRoom:
        """Return a room in `folder`."""
        return ExecRoom(folder)
