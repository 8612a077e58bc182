"""Runs the visits of one agent: attempts, and what comes back. Agents do not affect each other."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.fleet.contact import AgentContact, StoppedError
from mltest.coordinator.fleet.hostile import check_event
from mltest.coordinator.fleet.session import AgentSession
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.journal import Journal, StoreFailedError
from mltest.coordinator.job.progress import VisitProgress
from mltest.coordinator.job.rounds import Rounds
from mltest.coordinator.job.scheduler import blobs_of, without
from mltest.coordinator.store import StoredAttempt
from mltest.shared.domain import AgentInfo, AgentUpdated, Outcome, VisitEnded, VisitSpec
from mltest.shared.errors import (
    AgentUnreachableError,
    BlobUnknownError,
    InfrastructureError,
    MltestError,
    VisitInterruptedError,
    VisitUnknownError,
    error_class,
)

_LOG = logging.getLogger(__name__)

MAX_ATTEMPTS = 3

_STOPPED = VisitEnded(outcome=Outcome.CANCELLED, reason="the job was stopped")
_NOTHING_LEFT = VisitEnded(outcome=Outcome.CANCELLED, reason="every candidate of this visit failed here before")


class AgentDispatch:
    """One agent's part of a job."""

    def __init__(self, errand: Errand, agent: AgentInfo, address: str, rounds: Rounds, *, failed: set[str]) -> None:
        self._errand = errand
        self._site = errand.site
        self._agent = agent
        self._contact = AgentContact(errand, agent, address)
        self._rounds = rounds
        self._failed = failed
        """Candidates that failed here before; they are left out."""
        self._last_failure = ""

    async def run(self, visits: Sequence[VisitSpec]) -> None:
        """Do the visits in order, then further rounds while they decide something, until a stop or the agent's loss.

        Raises:
            StoreFailedError: the coordinator's own store cannot be written.

        """
        try:
            is_useful = await self._do_all(visits)
            while is_useful and (visits := await self._rounds.next(self._failed)):
                is_useful = await self._do_all(visits)
        except StoppedError:
            return
        finally:
            await self._contact.leave()

    async def _do_all(self, visits: Sequence[VisitSpec]) -> bool:
        """Run the visits in order; return whether the agent is of further use."""
        for position, visit in enumerate(visits):
            if self._errand.stop.is_set():
                return False
            if not await self._do(visit, blobs_of(visits[position:])):
                await self._drop(visits[position + 1 :])
                return False
        return not self._errand.stop.is_set()

    async def _do(self, visit: VisitSpec, blobs: Sequence[str]) -> bool:
        """Run one visit, at most `MAX_ATTEMPTS` times; return whether the agent is of further use."""
        visit = replace(visit, candidates=without(visit, self._failed))
        if not visit.candidates:
            await self._skip(visit, _NOTHING_LEFT)
            return True
        for number in range(1, MAX_ATTEMPTS + 1):
            ended = await self._try(visit, blobs, is_last=number == MAX_ATTEMPTS)
            if ended.outcome is Outcome.OK:
                return True
            self._last_failure = ended.reason
            await self._contact.leave()
            if self._is_final(ended):
                break
        return False

    async def _try(self, visit: VisitSpec, blobs: Sequence[str], *, is_last: bool) -> VisitEnded:
        """Get to the agent and run one attempt; return how that ended, which then is stored."""
        try:
            session = await self._contact.enter(blobs)
        except MltestError as error:
            ended = _failure(error)
            if is_last or self._is_final(ended):
                await self._skip(visit, ended)
            return ended
        attempt = await self._site.thread.run(self._site.store.visits.begin_attempt, visit.visit_id)
        visit = replace(visit, attempt=attempt.attempt)
        progress = self._progress(visit)
        try:
            ended = await self._follow_to_end(session, visit, attempt, progress)
        except MltestError as error:
            ended = _failure(error)
        except (asyncio.CancelledError, StoppedError):
            await self._end(attempt, progress, _STOPPED, ends_visit=False)
            raise
        if ended.outcome is Outcome.OK:
            self._failed.update(progress.failed())
            self._rounds.add(progress.times)
        await self._end(attempt, progress, ended, ends_visit=is_last or self._is_final(ended))
        return ended

    async def _follow_to_end(
        self, session: AgentSession, visit: VisitSpec, attempt: StoredAttempt, progress: VisitProgress
    ) -> VisitEnded:
        """Run one attempt; a broken stream is taken up again for as long as the agent lives."""
        async with Journal(self._site, self._errand.job_id, attempt, progress) as journal:
            await session.client.start(session.epoch, visit)
            while progress.ended is None:
                try:
                    await self._read(session, visit, journal)
                except AgentUnreachableError as error:
                    _LOG.info("stream broke: %s", error.message, extra={"visit_id": visit.visit_id})
                    await self._contact.reconnect()
        if progress.ended.outcome is Outcome.OK:
            await self._fetch_predictions(session, progress)
        return progress.ended

    async def _read(self, session: AgentSession, visit: VisitSpec, journal: Journal) -> None:
        async for event in session.client.attach(visit.visit_id, visit.attempt, from_seq=journal.next_seq):
            check_event(event, visit, expected_seq=journal.next_seq)
            await journal.add(event)
            if isinstance(event.event, VisitEnded):
                return
        raise VisitInterruptedError(detail=f"agent {self._agent.name} ended its stream too early")

    async def _fetch_predictions(self, session: AgentSession, progress: VisitProgress) -> None:
        with tempfile.TemporaryDirectory(dir=self._site.work_folder) as folder:
            for prediction in progress.predictions:
                target = Path(folder) / prediction.candidate_id
                await session.client.download(prediction.sha256, target)
                self._errand.pin(prediction.sha256)
                try:
                    await asyncio.to_thread(self._site.blobs.add_file, target)
                except MltestError as error:
                    raise StoreFailedError from error

    def _is_final(self, ended: VisitEnded) -> bool:
        """A visit that the agent gave up, or that got lost with it, is repeated; one that is itself at fault is not."""
        retried = (InfrastructureError, BlobUnknownError, VisitUnknownError)
        is_repeated = ended.outcome is Outcome.CANCELLED or issubclass(error_class(ended.reason_code), retried)
        return ended.outcome is Outcome.OK or self._contact.is_lost or not is_repeated

    async def _end(
        self, attempt: StoredAttempt, progress: VisitProgress, ended: VisitEnded, *, ends_visit: bool
    ) -> None:
        end_attempt = self._site.store.visits.end_attempt
        job_id, news = self._errand.job_id, progress.news(ended)
        await self._site.thread.run(end_attempt, attempt, ended, ends_visit=ends_visit, job_id=job_id, news=news)
        await self._site.news.announce()

    def _progress(self, visit: VisitSpec) -> VisitProgress:
        return VisitProgress(visit, self._agent.name, self._errand.plan.objective)

    async def _skip(self, visit: VisitSpec, ended: VisitEnded) -> None:
        job_id, news = (
            self._errand.job_id,
            self._progress(visit).news(ended),
        )
        await self._site.thread.run(self._site.store.visits.skip, visit.visit_id, ended, job_id=job_id, news=news)
        await self._site.news.announce()

    async def _drop(self, visits: Sequence[VisitSpec]) -> None:
        """Say that the agent does not take part any more, and close the visits that it does not get to."""
        reason = self._last_failure
        _LOG.warning("agent %s is dropped: %s", self._agent.name, reason, extra={"job_id": self._errand.job_id})
        news = AgentUpdated(agent_id=self._agent.agent_id, name=self._agent.name, takes_part=False, reason=reason)
        await self._errand.tell(news)
        for visit in visits:
            await self._skip(visit, VisitEnded(outcome=Outcome.CANCELLED, reason=f"its agent was dropped: {reason}"))


def _failure(error: MltestError) -> VisitEnded:
    return VisitEnded(outcome=Outcome.FAILED, reason_code=error.code, reason=error.message)
