"""Small answers of devices on the local network, as JSON."""

import http.client
import io
import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mltest.shared.errors import MeterUnreadableError
from mltest.shared.naming import clean_text

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TIMEOUT_S = 2.0
"""Of one answer, all of it."""
_MAX_TEXT_CHARS = 200
_MAX_BYTES = 64 * 1024
_DEFAULT_PORT = 80
_NAME_LOCAL = "name the address that the plug has on the local network"


class _Until(io.RawIOBase):
    """What comes from a connection until a moment: a device that sends a byte now and then does not hold its reader."""

    def __init__(self, connection: socket.socket, until_s: float) -> None:
        self._connection = connection
        self._until_s = until_s

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Receive what is there, or wait for it until that moment."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


class LocalDevice:
    """One device that answers GET with JSON; nothing but addresses of the local network is ever asked."""

    def __init__(self, meter: str, address: str) -> None:
        self._meter = meter
        self._address = address
        self._host, self._port = _host_and_port(meter, address)

    def answer(self, path: str) -> Mapping[str, Any]:
        """Return what it says at `path`.

        Raises:
            MeterUnreadableError: it is not on the local network, does not answer, or answers nonsense.

        """
        connection = http.client.HTTPConnection(self._local_ip(), self._port, timeout=TIMEOUT_S)
        until_s = time.monotonic() + TIMEOUT_S
        try:
            connection.request("GET", path, headers={"Host": self._host, "Connection": "close"})
            response = _response_until(connection, until_s)
            content = response.read(_MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreadable(f"it does not answer ({clean_text(str(error), _MAX_TEXT_CHARS)})") from error
        finally:
            connection.close()
        if response.status != http.client.OK or len(content) > _MAX_BYTES:
            raise self._unreadable(f"it answers {response.status} with {len(content)} bytes")
        return self._parsed(content)

    def _parsed(self, content: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._unreadable("its answer is no JSON") from error
        if not isinstance(found, dict):
            raise self._unreadable("its answer is no JSON object")
        return found

    def _local_ip(self) -> str:
        """Return its IP address, which is what is connected to: a name cannot change what it stands for in between."""
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise self._unreadable(f"its name is unknown ({error})") from error
        address = str(found[0][4][0])
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if not (parsed.is_private or parsed.is_link_local or parsed.is_loopback) or parsed.is_unspecified:
            raise self._unreadable(f"{address} is not on the local network", _NAME_LOCAL)
        return address

    def _unreadable(self, detail: str, next_step: str = "") -> MeterUnreadableError:
        return MeterUnreadableError(
            meter=f"{self._meter}={self._address}",
            detail=detail,
            next_step=next_step or f"curl http://{self._address}/   # does it answer this machine?",
        )


def _response_until(connection: http.client.HTTPConnection, until_s: float) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection.sock, method="GET")
    response.fp.close()
    response.fp = io.BufferedReader(_Until(connection.sock, until_s))
    response.begin()
    return response


def _host_and_port(meter: str, address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":") if address.count(":") == 1 or "]" in address else (address, "", "")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        host = ""
    if not (host := host.strip("[]")) or any(not char.isprintable() or char in "/ ?#@" for char in host):
        raise MeterUnreadableError(
            meter=meter, detail=f"{address!r} is no address", next_step=f"give it as {meter}=HOST or {meter}=HOST:PORT"
        )
    return host, int(port or _DEFAULT_PORT)
