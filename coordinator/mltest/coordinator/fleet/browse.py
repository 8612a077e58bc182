"""Agents as mDNS names them: a hint where to ask, never more."""

import asyncio
import ipaddress
import logging
import time
from dataclasses import dataclass
from types import TracebackType

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from mltest.shared.naming import SERVICE_TYPE, Advertisement, advertisement_from_txt

_LOG = logging.getLogger(__name__)

_SILENCE_S = 2.0
"""Nobody is there if nobody answered within this."""
_SETTLED_S = 0.6
"""Everybody is there if nobody was new within this."""
_RESOLVE_TIMEOUT_MS = 3000
_MAX_AGENTS = 4096
_MAX_ADDRESSES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One agent as it was advertised."""

    advertisement: Advertisement
    addresses: tuple[str, ...]
    """host:port, each a way to the same agent."""


class Browser:
    """Listens for agents from its start to its close."""

    def __init__(self) -> None:
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._found: dict[str, Sighting] = {}
        self._resolving: set[asyncio.Task[None]] = set()
        self._started_s = 0.0
        self._changed_s = 0.0
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; a machine without a usable network hears nobody. Doing it again changes nothing."""
        if self._zeroconf is not None:
            return
        self._started_s = time.monotonic()
        try:
            self._zeroconf = AsyncZeroconf()
        except OSError as error:
            _LOG.warning("no discovery by mDNS: %s", error)
            return
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE_TYPE, handlers=[self._on_change])

    async def settled(self) -> tuple[Sighting, ...]:
        """Return who is there, as soon as nobody new is to be expected; at once if that was long ago."""
        while (rest_s := self._rest_s()) > 0:
            try:
                await asyncio.wait_for(self._news.wait(), rest_s)
            except TimeoutError:
                continue
        return self.sightings()

    def sightings(self) -> tuple[Sighting, ...]:
        """Return who is there as far as is known now."""
        return tuple(self._found.values())

    async def close(self) -> None:
        """Stop listening."""
        for task in self._resolving:
            task.cancel()
        await asyncio.gather(*self._resolving, return_exceptions=True)
        browser, zeroconf, self._browser, self._zeroconf = self._browser, self._zeroconf, None, None
        if browser is not None:
            await browser.async_cancel()
        if zeroconf is not None:
            await zeroconf.async_close()

    async def __aenter__(self) -> "Browser":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _rest_s(self) -> float:
        if self._zeroconf is None:
            return 0.0
        now_s = time.monotonic()
        if not self._found and not self._resolving:
            return self._started_s + _SILENCE_S - now_s
        return self._changed_s + _SETTLED_S - now_s

    def _on_change(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        self._note_change()
        if state_change is ServiceStateChange.Removed:
            self._found.pop(name, None)
        elif name in self._found or len(self._found) < _MAX_AGENTS:
            task = asyncio.ensure_future(self._resolve(zeroconf, service_type, name))
            self._resolving.add(task)
            task.add_done_callback(self._resolving.discard)

    async def _resolve(self, zeroconf: Zeroconf, service_type: str, name: str) -> None:
        info = AsyncServiceInfo(service_type, name)
        if not await info.async_request(zeroconf, _RESOLVE_TIMEOUT_MS):
            return
        try:
            advertisement = advertisement_from_txt(info.properties)
        except ValueError as error:
            _LOG.debug("advertisement ignored: %s", error)
            return
        addresses = addresses_to_try(info.parsed_scoped_addresses(), info.port or advertisement.port)
        self._found[name] = Sighting(advertisement=advertisement, addresses=addresses)
        self._note_change()

    def _note_change(self) -> None:
        self._changed_s = time.monotonic()
        self._news.set()
        self._news = asyncio.Event()


def addresses_to_try(hosts: list[str], port: int) -> tuple[str, ...]:
    """Return host:port for the most promising of the IP addresses `hosts`: IPv4 first, link-local last."""

    def rank(host: str) -> tuple[bool, bool, str]:
        address = ipaddress.ip_address(host)
        return address.is_link_local, address.version == 6, host

    return tuple(target(host, port) for host in sorted(set(hosts), key=rank)[:_MAX_ADDRESSES])


def target(host: str, port: int) -> str:
    """Return `host` and `port` as one address; an IPv6 address gets brackets (RFC 3986, RFC 6874)."""
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"
