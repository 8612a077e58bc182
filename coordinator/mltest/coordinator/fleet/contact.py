"""Keeps in touch with one agent of a job: finds it, holds its lease, sends what it lacks."""

import asyncio
from collections.abc import Sequence

from mltest.coordinator.fleet.agent_client import AgentClient, Received
from mltest.coordinator.fleet.delivery import deliver
from mltest.coordinator.fleet.session import AgentSession
from mltest.coordinator.job.backoff import backoff_s
from mltest.coordinator.job.errand import Errand
from mltest.shared.domain import AgentInfo, AgentUpdated, JobNote
from mltest.shared.errors import AgentBusyError, AgentUnreachableError, BlobBusyError
from mltest.shared.units import duration_text

MAX_BREAKS = 30
"""Broken connections in a row, of an agent that answers in between, until it is given up."""
_BUSY_RETRY_S = 2.0
"""Shorter than the time for which agents keep a place in the line."""
_TELL_LINE_S = 30.0
_MAX_SEARCH_BACKOFF_S = 8.0
_MAX_RECONNECT_BACKOFF_S = 15.0
_WHOLE = 2**63
"""More than the number of any event: an attempt that is over is of no further use."""


class StoppedError(Exception):
    """The user stopped the job while an agent was waited for."""


class AgentContact:
    """The way to one agent, for as long as its part of a job takes."""

    def __init__(self, errand: Errand, agent: AgentInfo, address: str) -> None:
        self._errand = errand
        self._site = errand.site
        self._agent = agent
        self._address = address
        self._session: AgentSession | None = None
        self._blobs: Sequence[str] = ()
        self._has_delivered = False
        self.is_lost = False
        """Whether the agent was waited for in vain."""

    @property
    def is_open(self) -> bool:
        """Whether the agent is leased, and was not lost."""
        return self._session is not None and not self._session.is_lost and not self.is_lost

    @property
    def session(self) -> AgentSession:
        """The session that `enter` opened."""
        assert self._session is not None
        return self._session

    async def enter(self, blobs: Sequence[str], *, delivers: bool = True) -> AgentSession:
        """Return the open session; or find the agent, take its lease, and send what it lacks of `blobs`.

        Args:
            blobs: that the agent needs.
            delivers: False if a visit runs there, which sending would disturb; the next `enter` sends them then.

        Raises:
            AgentUnreachableError: it went away, or did not come back in time.
            AgentBusyError: somebody else held it for too long.
            AgentClonedError: it exists twice.
            StoppedError: the user did not want to wait any longer.
            MltestError: it refuses what it was sent.

        """
        self._site.fleet.check_single(self._agent.agent_id, self._agent.name)
        self._blobs = blobs
        if self._session is not None and self._session.is_lost:
            await self.leave()
        if self._session is None:
            await self._find()
            self._session = await self._open()
            self._has_delivered = False
        if delivers and not self._has_delivered:
            await self._deliver(blobs)
            self._has_delivered = True
        return self._session

    async def enter_again(self) -> AgentSession:
        """Take the lease again after it was lost; errors as for `enter`."""
        await self.leave()
        return await self.enter(self._blobs)

    async def reconnect(self, breaks: int) -> None:
        """Go on with the session over a new connection after the `breaks`-th break in a row; errors as for `enter`."""
        await self.pause(breaks, most_s=_MAX_RECONNECT_BACKOFF_S)
        await self._find()
        if self._session is not None:
            await self._session.reconnect(self._address, holder=self._errand.holder, purpose=self._errand.purpose)

    async def leave(self, *, keeps_visit: bool = False) -> None:
        """Give the lease back, which ends a visit that still runs; with `keeps_visit` it goes on without a lease."""
        session, self._session = self._session, None
        if session is not None:
            await session.close(keeps_visit=keeps_visit or self.is_lost)

    async def forget(self, visit_id: str, attempt: int) -> None:
        """Let the agent drop an attempt that is over for this side; doing it again changes nothing."""
        if self._session is not None and not self.is_lost:
            await self._session.client.acknowledge(Received(visit_id=visit_id, attempt=attempt, seq=_WHOLE))

    async def pause(self, failures: int, *, most_s: float = 60.0) -> None:
        """Wait before something is tried again; `StoppedError` if the user stops the job meanwhile."""
        await self._wait(backoff_s(failures, self._site.draw(), most_s=most_s))

    async def _find(self) -> None:
        """Learn where the agent answers, waiting for it if it does not."""
        clock = asyncio.get_running_loop().time
        limit_s = self._errand.plan.agent_return_s
        deadline_s = clock() + limit_s
        misses = 0
        while not (found := await self._locate()):
            if clock() >= deadline_s:
                self.is_lost = True
                raise AgentUnreachableError(agent=self._agent.name, detail=f"it did not come back within {limit_s:g} s")
            if not misses:
                await self._tell(f"does not answer, and is waited for, {duration_text(limit_s)} at most")
            misses += 1
            await self.pause(misses, most_s=_MAX_SEARCH_BACKOFF_S)
        if misses:
            await self._tell("answers again")
        self._address = found

    async def _locate(self) -> str | None:
        uses_discovery = self._errand.spec.uses_discovery
        return await self._site.fleet.locate(self._agent.agent_id, self._address, uses_discovery=uses_discovery)

    async def _open(self) -> AgentSession:
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + self._site.busy_wait_s
        told, told_s = None, clock()
        while True:
            try:
                session = await AgentSession.open(
                    self._connect, self._address, holder=self._errand.holder, purpose=self._errand.purpose
                )
            except AgentBusyError as error:
                if clock() >= deadline_s:
                    self.is_lost = True
                    raise
                if told is None:
                    waiting = f"{error.message} It is waited for, {duration_text(self._site.busy_wait_s)} at most."
                    await self._errand.tell(JobNote(text=waiting))
                if (place := _place(error)) != told or clock() - told_s >= _TELL_LINE_S:
                    told, told_s = place, clock()
                    await self._tell(_line_text(error))
            else:
                if told is not None:
                    await self._tell("is free now")
                return session
            await self._wait(_BUSY_RETRY_S)

    async def _connect(self, address: str) -> AgentClient:
        return await self._site.fleet.reach(address, agent_id=self._agent.agent_id, name=self._agent.name)

    async def _deliver(self, blobs: Sequence[str]) -> None:
        """Send what the agent lacks; an upload that breaks goes on where it stopped."""
        for breaks in range(1, MAX_BREAKS + 1):
            try:
                await deliver(self._site, self._errand.job_id, self._agent, self.session.client, blobs)
            except (AgentUnreachableError, BlobBusyError):
                if self.is_lost or breaks == MAX_BREAKS:
                    raise
                await self.reconnect(breaks)
            else:
                return

    async def _tell(self, reason: str) -> None:
        news = AgentUpdated(agent_id=self._agent.agent_id, name=self._agent.name, takes_part=True, reason=reason)
        await self._errand.tell(news)

    async def _wait(self, delay_s: float) -> None:
        if await self._errand.is_stopped_within(delay_s):
            raise StoppedError


def _place(error: AgentBusyError) -> tuple[object, object]:
    return error.facts.get("holder"), error.facts.get("position")


def _line_text(error: AgentBusyError) -> str:
    """Return how long to wait, as far as the agent says so; one of version 1 does not."""
    facts = error.facts
    holder, left_s, position = (facts.get(name) for name in ("holder", "lease_left_s", "position"))
    if not isinstance(left_s, int | float) or not isinstance(position, int):
        return "is leased by somebody else"
    place = f"you are number {position} in line" if position else "its line is full"
    return f"is leased by {holder} for another {left_s:.0f} s; {place}"
