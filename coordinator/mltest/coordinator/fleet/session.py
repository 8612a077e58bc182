"""A lease on one agent, kept by a heartbeat for as long as the session is open; acknowledgements ride on it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mltest.coordinator.fleet.agent_client import AgentClient, Grant, Received
from mltest.shared.errors import LeaseLostError, MltestError

_LOG = logging.getLogger(__name__)

_HEARTBEAT_S = 10.0
_LEAST_HEARTBEAT_S = 1.0
_HEARTBEATS_OF_A_LEASE = 3
"""Of a short one: so many can be tried before it ends."""

Connect = Callable[[str], Awaitable[AgentClient]]
"""Returns a client of the agent at an address."""


class AgentSession:
    """The right to run visits on an agent, and the connection to it."""

    def __init__(self, connect: Connect, client: AgentClient, grant: Grant) -> None:
        self._connect = connect
        self.client = client
        self.epoch = grant.epoch
        self._heartbeat_s = heartbeat_s(grant.ttl_s)
        self.is_lost = False
        """Whether the lease was lost; visits go on until somebody else takes it, but nothing can be started."""
        self._received: Received | None = None
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
        return cls(connect, client, grant)

    async def reconnect(self, address: str, *, holder: str, purpose: str) -> None:
        """Go on over a new connection, perhaps to a new address; a lease that was lost is taken again if it is free."""
        old, self.client = self.client, await self._connect(address)
        await old.close()
        with suppress(MltestError):
            try:
                await self.client.renew(self.epoch, self._received)
            except LeaseLostError:
                self.is_lost = True
                self.epoch = (await self.client.acquire(holder=holder, purpose=purpose)).epoch
                self.is_lost = False
                if self._heartbeat.done():
                    self._heartbeat = asyncio.ensure_future(self._renew())

    def received(self, received: Received) -> None:
        """Let the next heartbeat say what is safe here; a message of its own would disturb what is being timed."""
        self._received = received

    async def close(self, *, keeps_visit: bool = False) -> None:
        """Give the lease back, which ends a visit that still runs; with `keeps_visit` let it run out instead."""
        self._heartbeat.cancel()
        await asyncio.gather(self._heartbeat, return_exceptions=True)
        if not keeps_visit and not self.is_lost:
            with suppress(MltestError):
                await self.client.release(self.epoch)
        await self.client.close()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self.client.renew(self.epoch, self._received)
            except LeaseLostError:
                self.is_lost = True
                return
            except MltestError as error:
                _LOG.debug("heartbeat failed: %s", error.message)


def heartbeat_s(ttl_s: float) -> float:
    """Return how often to renew a lease that is valid for `ttl_s`, as an agent says that may say anything."""
    return max(_LEAST_HEARTBEAT_S, min(_HEARTBEAT_S, ttl_s / _HEARTBEATS_OF_A_LEASE))
