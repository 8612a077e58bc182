"""Keeps in touch with one agent of a job: finds it, holds its lease, sends what it lacks."""

import asyncio
from collections.abc import Sequence

from mltest.coordinator.fleet.agent_client import AgentClient
from mltest.coordinator.fleet.delivery import deliver
from mltest.coordinator.fleet.session import AgentSession
from mltest.coordinator.job.errand import Errand
from mltest.shared.domain import AgentInfo, JobNote
from mltest.shared.errors import AgentBusyError, AgentUnreachableError

_BUSY_RETRY_S = 2.0
_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 0.25, 4.0


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
        self.is_lost = False
        """Whether the agent was waited for in vain."""

    async def enter(self, blobs: Sequence[str]) -> AgentSession:
        """Return the open session; or find the agent, take its lease, and send what it lacks of `blobs`.

        Raises:
            AgentUnreachableError: it went away, or did not come back in time.
            AgentBusyError: somebody else held it for too long.
            StoppedError: the user did not want to wait any longer.
            MltestError: it refuses what it was sent.

        """
        if self._session is None:
            await self._find()
            self._session = await self._open()
            await deliver(self._site, self._errand.job_id, self._agent, self._session.client, blobs)
        return self._session

    async def reconnect(self) -> None:
        """Go on with the session over a new connection; the errors of finding the agent are those of `enter`."""
        await self._find()
        if self._session is not None:
            await self._session.reconnect(self._address)

    async def leave(self) -> None:
        """Give the lease back, which ends a visit that still runs; doing it again changes nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close(is_lost=self.is_lost)

    async def _find(self) -> None:
        """Learn where the agent answers, waiting for it if it does not."""
        clock = asyncio.get_running_loop().time
        limit_s = self._errand.plan.agent_return_s
        deadline_s = clock() + limit_s
        backoff_s = _FIRST_BACKOFF_S
        while not (found := await self._locate()):
            if clock() >= deadline_s:
                self.is_lost = True
                raise AgentUnreachableError(agent=self._agent.name, detail=f"it did not come back within {limit_s:g} s")
            await self._pause(backoff_s)
            backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)
        self._address = found

    async def _locate(self) -> str | None:
        uses_discovery = self._errand.spec.uses_discovery
        return await self._site.fleet.locate(self._agent.agent_id, self._address, uses_discovery=uses_discovery)

    async def _open(self) -> AgentSession:
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + self._site.busy_wait_s
        is_told = False
        while True:
            try:
                return await AgentSession.open(
                    self._connect, self._address, holder=self._errand.holder, purpose=self._errand.purpose
                )
            except AgentBusyError as error:
                if clock() >= deadline_s:
                    self.is_lost = True
                    raise
                if not is_told:
                    is_told = True
                    waiting = f"{error.message} It is waited for, {self._site.busy_wait_s:g} s at most."
                    await self._errand.tell(JobNote(text=waiting))
            await self._pause(_BUSY_RETRY_S)

    async def _connect(self, address: str) -> AgentClient:
        return await self._site.fleet.reach(address, agent_id=self._agent.agent_id, name=self._agent.name)

    async def _pause(self, delay_s: float) -> None:
        if await self._errand.is_stopped_within(delay_s):
            raise StoppedError
