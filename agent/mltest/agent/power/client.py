"""The agent's side of mltest-powerd."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

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
    """One connection; used by one thread at a time."""

    def __init__(self, path: Path, connection: socket.socket) -> None:
        self._path = path
        self._connection = connection
        self._answers: BinaryIO = connection.makefile("rb")

    @classmethod
    def connect(cls, path: Path = SOCKET) -> "PowerClient":
        """Connect to the helper.

        Raises:
            PowerUnreadableError: there is none, or this user may not ask it.

        """
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            raise _unreadable(path, error) from error
        return cls(path, connection)

    def domains(self) -> tuple[PowerDomain, ...]:
        """Return every domain that the machine counts the energy of; none is usual on virtual machines.

        Raises:
            PowerUnreadableError: the helper is gone, or answers nonsense.

        """
        (line,) = self._ask("domains")
        try:
            return domains_from_line(line)
        except ValueError as error:
            raise _unreadable(self._path, error) from error

    def read(self, name: str) -> PowerReading:
        """Return the counter of a domain now, or why it is absent; errors as above."""
        (reading,) = self.read_all((name,))
        return reading

    def read_all(self, names: Sequence[str]) -> tuple[PowerReading, ...]:
        """Return the counters of some domains, in their order and in one round trip; errors as above."""
        try:
            return tuple(map(reading_from_line, self._ask(*(f"read {name}" for name in names))))
        except ValueError as error:
            raise _unreadable(self._path, error) from error

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._connection.close()

    def _ask(self, *requests: str) -> list[bytes]:
        try:
            self._connection.sendall("".join(f"{request}\n" for request in requests).encode())
            lines = [self._answers.readline(MAX_ANSWER_BYTES) for _ in requests]
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if not all(line.endswith(b"\n") for line in lines):
            raise _unreadable(self._path, EOFError())
        return lines


def _unreadable(path: Path, error: Exception) -> PowerUnreadableError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "it does not answer"
    return PowerUnreadableError(socket=path, detail=reason)
