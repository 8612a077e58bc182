"""One coordinator and its agents as real processes that can be killed, frozen, and started again where they were."""

import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import ProcessGroup, Running

_GONE_S = 5.0
"""How long what a killed process leaves behind may live; the kernel ends it at once, but takes its time."""


def children_below(folder: Path) -> set[int]:
    """Return the processes that some agent or builder started in a folder below `folder`."""
    return {pid for pid, where in _marked() if Path(where).is_relative_to(folder)}


def orphans_after(folder: Path, deadline_s: float = _GONE_S) -> set[int]:
    """Return which children below `folder` still live when `deadline_s` is over; at once if there is none."""
    end_s = time.monotonic() + deadline_s
    while (left := children_below(folder)) and time.monotonic() < end_s:
        _wait_for_end(next(iter(left)), end_s - time.monotonic())
    return left


@dataclass(slots=True)
class Member:
    """A process of the fleet, in its own state directory and always on the same port."""

    group: ProcessGroup
    role: str
    """agent or coordinator."""
    state: Path
    options: tuple[str, ...] = ()
    prefix: Sequence[str] = ()
    """Begin of the command line: what runs the program, and with which environment."""
    running: Running | None = None
    port: str = "0"
    kill_count: int = 0
    orphans: set[int] = field(default_factory=set)

    @property
    def address(self) -> str:
        """host:port."""
        assert self.running is not None
        return self.running.address

    def start(self) -> None:
        """Start it, or start it again."""
        begin = self.group.agent if self.role == "agent" else self.group.coordinator
        self.running = begin(self.state, "--port", self.port, *self.options, host=self.prefix)
        self.port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        """End it as a crash would, see that nothing of it is left, and start it again."""
        assert self.running is not None
        self.running.kill()
        self.kill_count += 1
        self.orphans |= orphans_after(self.state)
        self.start()

    def freeze(self) -> None:
        """Stop it until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it as a user would; return its exit status."""
        assert self.running is not None
        return self.running.stop()

    def _signal(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.process.send_signal(number)


@dataclass(frozen=True, slots=True)
class ChaosFleet:
    """A coordinator and agents on loopback."""

    coordinator: Member
    agents: tuple[Member, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Everybody."""
        return (self.coordinator, *self.agents)

    def kills_of_agents(self) -> int:
        """Return how often one was killed."""
        return sum(agent.kill_count for agent in self.agents)


def started_agent(group: ProcessGroup, folder: Path, name: str, prefix: Sequence[str] = ()) -> Member:
    """Start an agent below `folder`."""
    agent = Member(group, "agent", folder / name, ("--no-advertise", "--name", name), prefix)
    agent.start()
    return agent


def started_coordinator(group: ProcessGroup, folder: Path, name: str = "home", prefix: Sequence[str] = ()) -> Member:
    """Start a coordinator below `folder`."""
    coordinator = Member(group, "coordinator", folder / name, prefix=prefix)
    coordinator.start()
    return coordinator


def started_fleet(group: ProcessGroup, folder: Path, names: Sequence[str]) -> ChaosFleet:
    """Start a coordinator and an agent for each of `names` below `folder`."""
    agents = tuple(started_agent(group, folder, name) for name in names)
    return ChaosFleet(started_coordinator(group, folder), agents)


def _wait_for_end(pid: int, limit_s: float) -> None:
    """Return when a process of somebody else has ended, or after `limit_s`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([descriptor], [], [], max(0.0, limit_s))
    finally:
        os.close(descriptor)


def _marked() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"MLTEST_CHILD=" in (entry / "environ").read_bytes():
                    yield int(entry.name), str((entry / "cwd").readlink())
            except OSError:
                continue
