"""Stores what an attempt sends, in batches; only what is committed counts as received."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from mltest.coordinator.job.progress import VisitProgress
from mltest.coordinator.job.site import Site
from mltest.coordinator.store import StoredAttempt
from mltest.shared.domain import SampleBatch, VisitEnded, VisitEvent
from mltest.shared.errors import MltestError

_MAX_ROWS = 1000
_MAX_WAIT_S = 0.5


class StoreFailedError(Exception):
    """The coordinator's own store cannot be written; its cause says why. No attempt can go on."""


class Journal:
    """Events of one attempt on their way to the disk; leaving it commits what is left."""

    def __init__(
        self,
        site: Site,
        job_id: str,
        attempt: StoredAttempt,
        progress: VisitProgress,
        on_commit: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._site = site
        self._job_id = job_id
        self._attempt_key = attempt.attempt_key
        self._progress = progress
        self._on_commit = on_commit
        """Called with the number of the last event that is on the disk, the end of the attempt not counted."""
        self._pending: list[VisitEvent] = []
        self._row_count = 0
        self._lock = asyncio.Lock()
        self._has_pending = asyncio.Event()
        self._committer = asyncio.ensure_future(self._commit_regularly())
        self._received_seq = attempt.last_seq

    @property
    def next_seq(self) -> int:
        """The event that is wanted next; what is pending here is not asked for again."""
        return self._received_seq + 1

    async def add(self, event: VisitEvent) -> None:
        """Take one event; returns at once unless a batch is full.

        Raises:
            StoreFailedError: a batch could not be committed.

        """
        if self._committer.done():
            self._committer.result()
        if event.seq < self.next_seq:
            return
        self._received_seq = event.seq
        self._progress.add(event)
        self._pending.append(event)
        self._row_count += len(event.event.series) if isinstance(event.event, SampleBatch) else 1
        self._has_pending.set()
        if self._row_count >= _MAX_ROWS:
            await self.commit()

    async def commit(self) -> None:
        """Return when everything that was taken would survive a power cut; `StoreFailedError` as for `add`."""
        async with self._lock:
            batch, self._pending, self._row_count = self._pending, [], 0
            self._has_pending.clear()
            if not batch:
                return
            news = self._progress.due_news(time.monotonic()) if self._progress.ended is None else None
            try:
                await self._site.thread.run(
                    self._site.store.visits.receive,
                    self._attempt_key,
                    batch,
                    job_id=self._job_id,
                    news=(news,) if news else (),
                )
            except MltestError as error:
                raise StoreFailedError from error
        if seqs := [event.seq for event in batch if not isinstance(event.event, VisitEnded)]:
            self._on_commit(max(seqs))
        if news:
            await self._site.news.announce()

    async def __aenter__(self) -> "Journal":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._committer.cancel()
        await asyncio.gather(self._committer, return_exceptions=True)
        await self.commit()

    async def _commit_regularly(self) -> None:
        while True:
            await self._has_pending.wait()
            await asyncio.sleep(_MAX_WAIT_S)
            await self.commit()
