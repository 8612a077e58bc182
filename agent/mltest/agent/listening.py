"""Where an agent listens, and where others can reach it."""

import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

import grpc.aio

from mltest.shared.errors import NotPermittedError, RequestInvalidError

_LOG = logging.getLogger(__name__)

DEFAULT_PORT = 50771
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # only callers whose key was pinned are served there


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenChoice:
    """Where to listen."""

    host: str
    """IP address."""
    port: int | None
    """None: the default, or a free one where that is taken; 0: a free one."""
    is_insecure: bool
    """Whether it serves in the clear; on loopback only."""
    opens_when_joined: bool = False
    """Whether it is to listen everywhere as soon as a coordinator is trusted."""


def chosen_listening(*, host: str | None, port: int | None, is_insecure: bool, is_joined: bool) -> ListenChoice:
    """Return where to listen for what the user asked for: without a word, everywhere if the agent was joined.

    Raises:
        NotPermittedError: in the clear off loopback.
        RequestInvalidError: `host` is not an address.

    """
    chosen = _address(host) if host else (EVERYWHERE if is_joined and not is_insecure else LOOPBACK)
    if is_insecure and not ip_address(chosen).is_loopback:
        raise NotPermittedError(
            detail=f"--insecure serves everybody in the clear, so it works on loopback only, not on {chosen}",
            next_step="leave out --insecure, and enrol this agent: `mltest-agent join -` reads what "
            "`mltest-coordinator invite` prints",
        )
    opens = host is None and not is_insecure and not is_joined
    return ListenChoice(host=chosen, port=port, is_insecure=is_insecure, opens_when_joined=opens)


def bind(server: grpc.aio.Server, choice: ListenChoice, credentials: grpc.ServerCredentials | None) -> int:
    """Let `server` listen, in the clear without `credentials`, and return its port.

    Raises:
        RequestInvalidError: it cannot.

    """
    wanted = [DEFAULT_PORT, 0] if choice.port is None else [choice.port]
    for port in wanted:
        # Tried by hand first, because the library writes to standard error when it fails.
        if _can_bind(choice.host, port):
            with suppress(RuntimeError):
                return _added(server, f"{_bracketed(choice.host)}:{port}", credentials)
        _LOG.info("port %d is taken", port)
    raise RequestInvalidError(
        detail=f"the agent cannot listen on {choice.host} port {wanted[-1]}: it is taken, or not of this machine",
        next_step="leave out --port to get a free one",
    )


def reachable_addresses(host: str) -> list[str]:
    """Return the IPv4 addresses at which a listener on `host` is reached: those of every interface for 0.0.0.0."""
    if not ip_address(host).is_unspecified:
        return [host]
    import ifaddr

    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [address for address in found if not ip_address(address).is_loopback] or [LOOPBACK]


def join_host_port(host: str, port: int) -> str:
    """Return an address to connect to from this machine."""
    return f"{LOOPBACK if ip_address(host).is_unspecified else _bracketed(host)}:{port}"


def _added(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    return server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)


def _address(host: str) -> str:
    if host == "localhost":
        return LOOPBACK
    try:
        return str(ip_address(host))
    except ValueError as error:
        raise RequestInvalidError(
            detail=f"{host!r} is not an IP address", next_step="name the address of one of this machine's interfaces"
        ) from error


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
