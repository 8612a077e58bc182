"""Looks whether anybody takes connections at an address: one attempt, and nothing is sent."""

import asyncio
from contextlib import suppress

from mltest.shared.errors import AgentUnreachableError

KNOCK_TIMEOUT_S = 3.0


async def knock(address: str) -> None:
    """Return if somebody takes connections at `address`.

    A channel of gRPC tries several times, and costs more.

    Raises:
        AgentUnreachableError: nobody does.

    """
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(KNOCK_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host.strip("[]").replace("%25", "%"), int(port))
    except (OSError, ValueError) as error:
        detail = f"no connection within {KNOCK_TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else str(error)
        raise AgentUnreachableError(agent=address, detail=detail) from error
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
