"""Agents as mDNS names them: a hint where to ask, never more."""

import asyncio
import logging
import time
from types import TracebackType

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from mltest.coordinator.fleet.resolve import resolved
from mltest.coordinator.fleet.sightings import Sighting, Sightings
from mltest.shared.naming import SERVICE_TYPE

_LOG = logging.getLogger(__name__)

_SILENCE_S = 2.0
"""Nobody is there if nobody answered within this."""
_SETTLED_S = 0.6
"""Everybody is there if nobody was new within this."""
_PATIENCE_S = 6.0
"""Of `settled`, where somebody new comes all the time."""
_RESOLVERS = 8
_MAX_WAITING = 4096
"""Names that nobody has looked at yet; more than that is no fleet."""


class Browser:
    """Listens for agents from its start to its close."""

    def __init__(self) -> None:
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._found = Sightings()
        self._waiting: dict[str, None] = {}
        self._resolving: set[asyncio.Task[None]] = set()
        self._started_s = 0.0
        self._changed_s = 0.0
        self._news = asyncio.Event()
        self._has_warned = False

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
        deadline_s = time.monotonic() + _PATIENCE_S
        while (rest_s := min(self._rest_s(), deadline_s - time.monotonic())) > 0:
            await self.changed(rest_s)
        return self.sightings()

    async def changed(self, timeout_s: float) -> None:
        """Return when something changed, after `timeout_s` at the latest."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return

    def sightings(self) -> tuple[Sighting, ...]:
        """Return who is there as far as is known now."""
        return self._found.all()

    async def close(self) -> None:
        """Stop listening."""
        self._waiting.clear()
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
        if state_change is ServiceStateChange.Removed:
            self._waiting.pop(name, None)
            self._found.remove(name)
        elif len(self._waiting) < _MAX_WAITING:
            self._waiting[name] = None
            if len(self._resolving) < _RESOLVERS:
                task = asyncio.ensure_future(self._resolve(zeroconf))
                self._resolving.add(task)
                task.add_done_callback(self._resolving.discard)
        self._note_change()

    async def _resolve(self, zeroconf: Zeroconf) -> None:
        """Look at names until none waits."""
        while self._waiting:
            name = next(iter(self._waiting))
            del self._waiting[name]
            sighting = await resolved(zeroconf, name)
            if sighting is not None and not self._found.put(name, sighting):
                self._warn()
            self._note_change()

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _LOG.warning("more agents are advertised by mDNS than a fleet has; some are ignored (name them: --agent)")

    def _note_change(self) -> None:
        self._changed_s = time.monotonic()
        self._news.set()
        self._news = asyncio.Event()
