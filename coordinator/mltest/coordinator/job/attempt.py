"""One attempt of a visit on one agent: started or taken up, followed to its end, and stored."""

import asyncio
import logging
import tempfile
from pathlib import Path

from mltest.coordinator.fleet.agent_client import Received
from mltest.coordinator.fleet.contact import MAX_BREAKS, AgentContact
from mltest.coordinator.fleet.hostile import check_event
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.journal import Journal, StoreFailedError
from mltest.coordinator.job.progress import VisitProgress
from mltest.coordinator.store import StoredAttempt
from mltest.shared.domain import Outcome, VisitEnded, VisitEvent, VisitSpec
from mltest.shared.errors import AgentUnreachableError, LeaseLostError, MltestError, VisitInterruptedError

_LOG = logging.getLogger(__name__)


class AttemptRun:
    """Lives from the start of an attempt to its end; the agent is in contact already."""

    def __init__(
        self,
        errand: Errand,
        contact: AgentContact,
        visit: VisitSpec,
        attempt: StoredAttempt,
        progress: VisitProgress,
    ) -> None:
        self._errand = errand
        self._site = errand.site
        self._contact = contact
        self._visit = visit
        self._attempt = attempt
        self._progress = progress
        self._breaks = 0

    async def follow(self, *, is_started: bool) -> VisitEnded:
        """Return how it ended; a broken stream is taken up again for as long as the agent comes back.

        Args:
            is_started: whether an earlier life of the coordinator has started it; what that received is known.

        Raises:
            StoreFailedError: the coordinator's own store cannot be written.
            StoppedError: the user stopped the job meanwhile.
            MltestError: the agent is lost, refuses, or does not know the attempt.

        """
        if is_started:
            await self._know_what_was_received()
        journal = Journal(self._site, self._errand.job_id, self._attempt, self._progress, on_commit=self._committed)
        async with journal:
            while self._progress.ended is None:
                try:
                    if not is_started:
                        await self._start()
                        is_started = True
                    await self._read(journal)
                except AgentUnreachableError as error:
                    self._breaks += 1
                    if self._contact.is_lost or self._breaks > MAX_BREAKS:
                        raise
                    _LOG.info("stream broke: %s", error.message, extra={"visit_id": self._visit.visit_id})
                    await self._contact.reconnect(self._breaks)
        if self._progress.ended.outcome is Outcome.OK:
            await self._fetch_predictions()
        return self._progress.ended

    async def _know_what_was_received(self) -> None:
        visits = self._site.store.visits
        bodies = await self._site.thread.run(lambda: list(visits.received(self._attempt)))
        for body in bodies:
            self._progress.add(VisitEvent(seq=0, event=body))

    async def _start(self) -> None:
        session = self._contact.session
        try:
            await session.client.start(session.epoch, self._visit)
        except LeaseLostError:
            # Somebody else took the agent while this process stood still, or the agent was restarted.
            session = await self._contact.enter_again()
            await session.client.start(session.epoch, self._visit)

    async def _read(self, journal: Journal) -> None:
        visit = self._visit
        stream = self._contact.session.client.attach(visit.visit_id, visit.attempt, from_seq=journal.next_seq)
        async for event in stream:
            check_event(event, visit, expected_seq=journal.next_seq)
            await journal.add(event)
            self._breaks = 0
            if isinstance(event.event, VisitEnded):
                return
        raise VisitInterruptedError(detail="its agent ended the stream too early")

    def _committed(self, seq: int) -> None:
        self._contact.session.received(Received(visit_id=self._visit.visit_id, attempt=self._visit.attempt, seq=seq))

    async def _fetch_predictions(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._site.work_folder) as folder:
            for prediction in self._progress.predictions:
                target = Path(folder) / prediction.candidate_id
                await self._download(prediction.sha256, target)
                self._errand.pin(prediction.sha256)
                try:
                    await asyncio.to_thread(self._site.blobs.add_file, target)
                except MltestError as error:
                    raise StoreFailedError from error

    async def _download(self, sha256: str, target: Path) -> None:
        """Fetch one blob; a broken stream is begun again for as long as the agent comes back."""
        while True:
            try:
                await self._contact.session.client.download(sha256, target)
            except AgentUnreachableError:
                self._breaks += 1
                if self._contact.is_lost or self._breaks > MAX_BREAKS:
                    raise
                await self._contact.reconnect(self._breaks)
            else:
                return
