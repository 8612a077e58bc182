"""The agent's side of mltest-powerd."""

import asyncio
from pathlib import Path

from mltest.agent.power.domain import (
    MAX_ANSWER_BYTES,
    PowerDomain,
    PowerReading,
    domains_from_line,
    reading_from_line,
)
from mltest.shared.errors import PowerUnreadableError

SOCKET = Path("/run/mltest/powerd.sock")
"""Where mltest-powerd.socket listens."""
_TIMEOUT_S = 5.0


class PowerClient:
    """One connection; used by one task at a time."""

    def __init__(self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path = SOCKET) -> "PowerClient":
        """Connect to the helper.

        Raises:
            PowerUnreadableError: there is none, or this user may not ask it.

        """
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(path, limit=MAX_ANSWER_BYTES)
        except (OSError, TimeoutError) as error:
            raise _unreadable(path, error) from error
        return cls(path, reader, writer)

    async def domains(self) -> tuple[PowerDomain, ...]:
        """Return every domain that the machine counts the energy of; none is usual on virtual machines.

        Raises:
            PowerUnreadableError: the helper is gone, or answers nonsense.

        """
        return domains_from_line(await self._ask("domains"))

    async def read(self, name: str) -> PowerReading:
        """Return the counter of a domain now, or why it is absent; errors as above."""
        return reading_from_line(await self._ask(f"read {name}"))

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _ask(self, request: str) -> bytes:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                self._writer.write(request.encode() + b"\n")
                await self._writer.drain()
                line = await self._reader.readuntil(b"\n")
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _unreadable(self._path, error) from error
        return line


def _unreadable(path: Path, error: Exception) -> PowerUnreadableError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "it does not answer"
    return PowerUnreadableError(socket=path, detail=reason)
