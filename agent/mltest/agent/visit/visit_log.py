"""The log of one attempt of a visit: numbered events, readable from any of them on, while it goes on or after.

An event is in the journal on the disk before anybody gets it. Here it is kept until it is acknowledged, encoded: a raw
value takes a few bytes so, and ten times as many as Python objects.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress

from mltest.agent.outbox.journal import Journal, MemoryJournal
from mltest.agent.outbox.outbox import OUTBOX_BYTES
from mltest.shared.domain import VisitEnded, VisitEvent, VisitEventBody
from mltest.shared.errors import DiskFullError, ResourceLimitError, VisitUnknownError

MAX_LOG_BYTES = OUTBOX_BYTES
"""A visit with more events than that not acknowledged ends with RESOURCE_LIMIT; the usual one takes some MB."""

_SMALL_BYTES = 64 * 1024
_END_RESERVE_BYTES = 1024 * 1024
"""Room that only small events may use: those that say how it ended."""

Encoder = Callable[[VisitEvent], bytes]


class VisitLog:
    """Events counted from 1 without gaps; the last one is `VisitEnded`."""

    def __init__(
        self, encode: Encoder, max_bytes: int = MAX_LOG_BYTES, *, journal: Journal | None = None, next_seq: int = 1
    ) -> None:
        self._encode = encode
        self._max_bytes = max_bytes
        self._journal = journal or MemoryJournal()
        self._events: list[bytes] = []
        self._dropped_count = next_seq - 1
        """Events before those in `_events`; they were acknowledged."""
        self._acknowledged_seq = self._dropped_count
        self._stored_bytes = 0
        self._is_ended = False
        self._news = asyncio.Event()
        self._followers: set[_Follower] = set()
        self._progress = asyncio.Event()

    @classmethod
    def restored(
        cls, encode: Encoder, events: Sequence[bytes], end: Sequence[VisitEventBody], *, first_seq: int
    ) -> "VisitLog":
        """Return the log of an attempt that ran in an earlier life of the agent.

        Args:
            encode: as usual.
            events: encoded, from number `first_seq` on, as the journal has them.
            end: what is missing behind them.
            first_seq: number of the first event, whether or not there is one.

        """
        log = cls(encode, 2 * MAX_LOG_BYTES, next_seq=first_seq)
        for encoded in events:
            log._keep(encoded, is_last=False)
        for body in end:
            log.append(body)
        log._is_ended = True
        return log

    @property
    def is_ended(self) -> bool:
        """Whether the last event is in."""
        return self._is_ended

    @property
    def is_done(self) -> bool:
        """Whether the last event is in and acknowledged."""
        return self._is_ended and self._acknowledged_seq >= self._last_seq

    @property
    def stored_bytes(self) -> int:
        """Size of all encoded events that are here."""
        return self._stored_bytes

    def append(self, body: VisitEventBody, *, needs_disk: bool = True) -> None:
        """Number `body` and keep it, on the disk first.

        Args:
            body: what happened.
            needs_disk: whether a disk that does not take it is an error; how a visit ended is said in any case.

        Raises:
            ResourceLimitError: there is too much that was not acknowledged; only small events still fit.
            DiskFullError, OSError: the disk does not take it; events after it are kept in memory only.

        """
        assert not self._is_ended
        encoded = self._encode(VisitEvent(seq=self._last_seq + 1, event=body))
        room_bytes = self._max_bytes - (0 if len(encoded) <= _SMALL_BYTES else _END_RESERVE_BYTES)
        if self._stored_bytes + len(encoded) > room_bytes:
            raise ResourceLimitError(what="the visit", detail=f"its values take more than {self._max_bytes} bytes")
        try:
            self._journal.append(self._last_seq + 1, encoded)
        except (OSError, DiskFullError):
            if needs_disk:
                raise
        self._keep(encoded, is_last=isinstance(body, VisitEnded))

    def step(self, candidate_id: str, *, is_measuring: bool = False) -> None:
        """Note which candidate is next, in case the agent dies of it."""
        self._journal.step(candidate_id, is_measuring=is_measuring)

    def acknowledge(self, seq: int) -> None:
        """Forget the events up to number `seq`; what the disk has of them goes at the next `settle`."""
        self._acknowledged_seq = max(seq, self._acknowledged_seq)
        count = min(seq, self._last_seq) - self._dropped_count
        if count > 0:
            self._stored_bytes -= sum(map(len, self._events[:count]))
            del self._events[:count]
            self._dropped_count += count
            self._journal.acknowledge(self._dropped_count)

    def close(self) -> None:
        """Put on the disk what is not there yet; nothing is appended any more."""
        self._journal.close()

    async def follow(self, from_seq: int) -> AsyncGenerator[bytes, None]:
        """Yield the encoded events from number `from_seq` (0 and 1 both mean all) until the last one.

        Raises:
            VisitUnknownError: some of them were acknowledged, and are not here any more.

        """
        follower = _Follower(passed=max(from_seq, 1) - 1)
        self._followers.add(follower)
        try:
            while True:
                while follower.passed < self._last_seq:
                    yield self._event(follower.passed + 1)
                    follower.passed += 1
                self._wake_settlers()
                if self._is_ended:
                    return
                await self._news.wait()
        finally:
            self._followers.discard(follower)
            self._wake_settlers()

    async def settle(self, timeout_s: float) -> None:
        """Wait until all events are on the disk and every follower has passed them on, so that nothing is left to do.

        A follower that does not keep up within `timeout_s` is not waited for any longer.

        Raises:
            OSError: the disk failed.

        """
        syncing = asyncio.ensure_future(asyncio.to_thread(self._journal.settle))
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(follower.passed < self._last_seq for follower in self._followers):
                    await self._progress.wait()
        await syncing

    @property
    def _last_seq(self) -> int:
        return self._dropped_count + len(self._events)

    def _event(self, seq: int) -> bytes:
        if seq <= self._dropped_count:
            text = f"The events up to number {self._dropped_count} were acknowledged; they are not here any more."
            raise VisitUnknownError(text)
        return self._events[seq - self._dropped_count - 1]

    def _keep(self, encoded: bytes, *, is_last: bool) -> None:
        self._events.append(encoded)
        self._stored_bytes += len(encoded)
        self._is_ended = is_last
        self._news.set()
        self._news = asyncio.Event()

    def _wake_settlers(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()


class _Follower:
    """How many events one reader has passed on."""

    def __init__(self, passed: int) -> None:
        self.passed = passed
