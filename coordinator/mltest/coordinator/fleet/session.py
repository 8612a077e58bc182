"""A lease on one agent, kept by a heartbeat for as long as the session is open."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mltest.coordinator.fleet.agent_client import AgentClient
from mltest.shared.errors import LeaseLostError, MltestError

_LOG = logging.getLogger(__name__)

_HEARTBEAT_S = 10.0

Connect = Callable[[str], Awaitable[AgentClient]]
"""Returns a client of the agent at an address."""


class AgentSession:
    """The right to run visits on an agent, and the connection to it."""

    def __init__(self, connect: Connect, client: AgentClient, epoch: int) -> None:
        self._connect = connect
        self.client = client
        self.epoch = epoch
        self._heartbeat = asyncio.ensure_future(self._renew())

    @classmethod
    async def open(cls, connect: Connect, address: str, *, holder: str, purpose: str) -> "AgentSession":
        """Take the lease; `holder` gets back what an earlier life of it still holds.

        Raises:
            AgentBusyError: somebody else has it.
            AgentUnreachableError: the agent does not answer.

        """
        client = await connect(address)
        try:
            grant = await client.acquire(holder=holder, purpose=purpose)
        except BaseException:
            await client.close()
            raise
        return cls(connect, client, grant.epoch)

    async def reconnect(self, address: str) -> None:
        """Go on over a new connection, perhaps to a new address."""
        old, self.client = self.client, await self._connect(address)
        await old.close()

    async def close(self, *, is_lost: bool = False) -> None:
        """Give the lease back, which ends a visit that still runs; an agent that `is_lost` is not asked."""
        self._heartbeat.cancel()
        await asyncio.gather(self._heartbeat, return_exceptions=True)
        if not is_lost:
            with suppress(MltestError):
                await self.client.release(self.epoch)
        await self.client.close()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            try:
                await self.client.renew(self.epoch)
            except LeaseLostError:
                return
            except MltestError as error:
                _LOG.debug("heartbeat failed: %s", error.message)
