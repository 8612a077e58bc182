"""The roles: a launcher makes a room for each visit; in it live the workers of that visit, and their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from mltest.shared.children.child import Child, ChildLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTime:
    """Whose processor time counts as that of the visit, besides this process and its descendants."""

    pids: tuple[int, ...] = ()
    """Processes that can be seen from here."""
    unseen_ticks: int = 0
    """Of processes that cannot, since they started; 1 / sysconf(SC_CLK_TCK) seconds."""


class WorkerRoom(Protocol):
    """A place for the workers of one visit; used by one task at a time, except for `close`."""

    async def open(self) -> None:
        """Make the room; nothing else may be called before.

        Raises:
            InfrastructureError: it cannot be had.

        """
        ...

    async def spawn(
        self, module: str, *, limits: ChildLimits, environment: Mapping[str, str], python: Path | None = None
    ) -> Child:
        """Start a fresh interpreter that runs `module` in a folder of its own; `python` as for `Child.spawn`.

        Raises:
            EnvironmentBrokenError: there is no interpreter `python`, or it cannot be seen from the room.
            InfrastructureError: the room is gone.

        """
        ...

    async def bring(self, path: Path) -> Path:
        """Let the workers read a file of this process; return where they find it.

        Raises:
            InfrastructureError: the room is gone, or has no space for it.

        """
        ...

    def output(self, child: Child, name: str) -> Path:
        """Return where `child` has to write its file `name`, for `fetch` to find it."""
        ...

    async def fetch(self, child: Child, name: str) -> BufferedReader:
        """Open a file that `child` wrote, once: it is removed. It is a regular file; its content is hostile.

        Raises:
            PredictionError: the worker wrote no such file.
            InfrastructureError: the room is gone.

        """
        ...

    async def own_time(self) -> OwnTime:
        """Return whose processor time counts as that of the visit.

        Raises:
            InfrastructureError: the room is gone.

        """
        ...

    async def close(self) -> None:
        """End every process of the room and remove its files; a second time changes nothing."""
        ...


class Launcher(Protocol):
    """How workers come to be on this agent."""

    def room(self, folder: Path) -> WorkerRoom:
        """Return a room that is not open yet; `folder` is for files of this process, and outlives the room."""
        ...
