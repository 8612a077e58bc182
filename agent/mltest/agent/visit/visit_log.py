"""The journal of one attempt of a visit: numbered events, readable from any of them on, while it goes on or after.

Events are kept encoded: a raw value takes a few bytes so, and ten times as many as Python objects.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

from mltest.shared.domain import VisitEnded, VisitEvent, VisitEventBody
from mltest.shared.errors import ResourceLimitError

MAX_LOG_BYTES = 256 * 1024 * 1024
"""A visit with more events than that ends with RESOURCE_LIMIT; the usual one takes some MB."""

_SMALL_BYTES = 64 * 1024
_END_RESERVE_BYTES = 1024 * 1024
"""Room that only small events may use: those that say how it ended."""

Encoder = Callable[[VisitEvent], bytes]


class VisitLog:
    """Events counted from 1 without gaps; the last one is `VisitEnded`."""

    def __init__(self, encode: Encoder, max_bytes: int = MAX_LOG_BYTES) -> None:
        self._encode = encode
        self._max_bytes = max_bytes
        self._events: list[bytes] = []
        self._stored_bytes = 0
        self._is_ended = False
        self._news = asyncio.Event()
        self._followers: set[_Follower] = set()
        self._progress = asyncio.Event()

    @property
    def is_ended(self) -> bool:
        """Whether the last event is in."""
        return self._is_ended

    @property
    def stored_bytes(self) -> int:
        """Size of all encoded events."""
        return self._stored_bytes

    def append(self, body: VisitEventBody) -> None:
        """Number `body` and keep it.

        Raises:
            ResourceLimitError: the journal is full; only small events still fit.

        """
        assert not self._is_ended
        encoded = self._encode(VisitEvent(seq=len(self._events) + 1, event=body))
        room_bytes = self._max_bytes - (0 if len(encoded) <= _SMALL_BYTES else _END_RESERVE_BYTES)
        if self._stored_bytes + len(encoded) > room_bytes:
            raise ResourceLimitError(what="the visit", detail=f"its values take more than {self._max_bytes} bytes")
        self._events.append(encoded)
        self._stored_bytes += len(encoded)
        self._is_ended = isinstance(body, VisitEnded)
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, from_seq: int) -> AsyncGenerator[bytes, None]:
        """Yield the encoded events from number `from_seq` (0 and 1 both mean all) until the last one."""
        follower = _Follower(passed=max(from_seq, 1) - 1)
        self._followers.add(follower)
        try:
            while True:
                while follower.passed < len(self._events):
                    yield self._events[follower.passed]
                    follower.passed += 1
                self._wake_settlers()
                if self._is_ended:
                    return
                await self._news.wait()
        finally:
            self._followers.discard(follower)
            self._wake_settlers()

    async def settle(self, timeout_s: float) -> None:
        """Wait until every follower has passed on all events, so that nothing more is sent for now.

        A follower that does not keep up within `timeout_s` is not waited for any longer.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while any(follower.passed < len(self._events) for follower in self._followers):
                    await self._progress.wait()
        except TimeoutError:
            return

    def _wake_settlers(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()


class _Follower:
    """How many events one reader has passed on."""

    def __init__(self, passed: int) -> None:
        self.passed = passed
