"""Follows a job whatever happens to its coordinator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobEvent, Outcome, VisitUpdated
from mltest.shared.errors import MltestError


@dataclass(slots=True)
class Progress:
    """What is known of a job so far."""

    events: list[JobEvent] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    is_measuring: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while some agent has a visit under way, or when the job is over."""
    measuring: set[str] = field(default_factory=set)
    """Names of agents with a visit under way, since the last fault."""
    done: set[str] = field(default_factory=set)
    """Names of agents of which a visit ended well, until somebody takes them out."""

    def add(self, event: JobEvent) -> None:
        """Take one event."""
        self.events.append(event)
        if not isinstance(event.event, VisitUpdated):
            return
        name = event.event.agent_name
        if event.event.outcome is None:
            self.measuring.add(name)
            self.is_measuring.set()
            return
        self.measuring.discard(name)
        if event.event.outcome is Outcome.OK:
            self.done.add(name)

    def forget(self) -> None:
        """Nothing is known of any visit after a fault."""
        self.measuring.clear()
        if not self.is_over.is_set():
            self.is_measuring.clear()

    def end(self) -> None:
        """Nothing more happens to the job."""
        self.is_over.set()
        self.is_measuring.set()

    def has_gap(self) -> bool:
        """Return whether an event is missing, or came twice."""
        return [event.seq for event in self.events] != list(range(1, len(self.events) + 1))

    async def over_within(self, limit_s: float) -> bool:
        """Wait for the end of the job, but not for longer than `limit_s`; return whether it is over."""
        try:
            await asyncio.wait_for(self.is_over.wait(), limit_s)
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def followed(home: Path, job_id: str) -> AsyncIterator[Progress]:
    """Yield what becomes of a job; a coordinator that comes back is listened to again."""
    progress = Progress()
    following = asyncio.create_task(_follow(home, job_id, progress))
    try:
        yield progress
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(home: Path, job_id: str, progress: Progress) -> None:
    while not progress.is_over.is_set():
        api = await open_coordinator(home, needs_to_run=False)
        try:
            async for event in api.watch(job_id, from_seq=len(progress.events) + 1):
                progress.add(event)
            if (await api.job(job_id)).state.is_over:
                progress.end()
        except MltestError:
            continue
        finally:
            await api.close()
