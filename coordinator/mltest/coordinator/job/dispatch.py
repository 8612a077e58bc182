"""Runs the visits of one agent: attempts, and what comes back. Agents affect each other only by what kills them."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.fleet.contact import AgentContact, StoppedError
from mltest.coordinator.job.attempt import AttemptRun
from mltest.coordinator.job.energy_rounds import SomeRounds
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.journal import StoreFailedError
from mltest.coordinator.job.killers import Killers
from mltest.coordinator.job.progress import VisitProgress
from mltest.coordinator.job.scheduler import blobs_of, without
from mltest.coordinator.job.speed_watch import SpeedWatch
from mltest.coordinator.store import StoredAttempt
from mltest.shared.domain import AgentInfo, AgentUpdated, Outcome, VisitEnded, VisitSpec
from mltest.shared.errors import (
    BlobUnknownError,
    InfrastructureError,
    MltestError,
    VisitUnknownError,
    error_class,
)

_LOG = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
_SPARED_S = 1.0

_STOPPED = VisitEnded(outcome=Outcome.CANCELLED, reason="the job was stopped")
_NOTHING_LEFT = VisitEnded(outcome=Outcome.CANCELLED, reason="every candidate of this visit failed here before")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """What became of one attempt."""

    ended: VisitEnded
    is_final: bool
    """Whether another attempt would not end otherwise."""
    gave_up: bool = False
    """Whether a candidate is left out from now on, because the agent died of it."""


class AgentDispatch:
    """One agent's part of a job."""

    def __init__(
        self,
        errand: Errand,
        agent: AgentInfo,
        address: str,
        rounds: SomeRounds,
        *,
        failed: set[str],
        killers: Killers,
        left_open: dict[str, StoredAttempt],
        checks_speed: bool = True,
    ) -> None:
        self._errand = errand
        self._site = errand.site
        self._agent = agent
        self._contact = AgentContact(errand, agent, address)
        self._speed = SpeedWatch(errand, agent, self._contact) if checks_speed else None
        self._rounds = rounds
        self._failed = failed
        """Candidates that failed here before; they are left out."""
        self._killers = killers
        self._left_open = left_open
        """By visit, what an earlier life of this coordinator started and did not see the end of."""
        self._last_failure = ""
        self._keeps_visit = False

    async def run(self, visits: Sequence[VisitSpec]) -> None:
        """Do the visits in order, then further rounds while they decide something, until a stop or the agent's loss.

        What an earlier life of the coordinator left open comes first, because it may be running.

        Raises:
            StoreFailedError: the coordinator's own store cannot be written.

        """
        visits = sorted(visits, key=lambda visit: visit.visit_id not in self._left_open)
        try:
            is_useful = await self._do_all(visits)
            while is_useful and (visits := await self._rounds.next(self._failed)):
                is_useful = await self._do_all(visits)
            if self._speed is not None and not self._errand.stop.is_set():
                await self._speed.after()
        except StoppedError:
            return
        except StoreFailedError:
            self._keeps_visit = True
            raise
        finally:
            self._killers.leave(self._agent)
            await self._contact.leave(keeps_visit=self._keeps_visit or self._errand.restarting.is_set())

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
        """Run one visit, at most `MAX_ATTEMPTS` times; return whether the agent is of further use.

        An attempt that only found out what became of an earlier one is not counted, nor are those before a candidate
        was given up.
        """
        left_open = self._left_open.pop(visit.visit_id, None)
        failures = 0
        while True:
            await self._spare(visit)
            spec = replace(visit, candidates=without(visit, self._failed))
            if not spec.candidates:
                await self._skip(visit, _NOTHING_LEFT)
                return True
            is_last = failures + 1 == MAX_ATTEMPTS and left_open is None
            tried = await self._try(spec if left_open is None else visit, blobs, is_last=is_last, left_open=left_open)
            if tried.ended.outcome is Outcome.OK:
                return True
            self._last_failure = tried.ended.reason
            await self._contact.leave()
            if tried.is_final or (is_last and not tried.gave_up):
                return False
            failures = 0 if tried.gave_up else failures + (left_open is None)
            left_open = None
            await self._contact.pause(max(failures, 1))

    async def _spare(self, visit: VisitSpec) -> None:
        """Leave out what killed agents elsewhere, and wait while others find out whether it does."""
        while True:
            self._failed |= await self._killers.given_up(without(visit, self._failed), self._agent)
            if not self._killers.has_to_wait(without(visit, self._failed), self._agent):
                return
            if await self._errand.is_stopped_within(_SPARED_S):
                raise StoppedError

    async def _try(
        self, visit: VisitSpec, blobs: Sequence[str], *, is_last: bool, left_open: StoredAttempt | None
    ) -> _Tried:
        """Get to the agent and run one attempt; return how that ended, which then is stored."""
        try:
            await self._contact.enter(blobs, delivers=left_open is None)
        except MltestError as error:
            return await self._not_reached(visit, left_open, _failure(error), is_last=is_last)
        if self._speed is not None and left_open is None:
            await self._speed.before()
        attempt = left_open
        if attempt is None:
            attempt = await self._site.thread.run(self._site.store.visits.begin_attempt, visit.visit_id)
        visit = replace(visit, attempt=attempt.attempt)
        progress = self._progress(visit)
        begun_ns = time.monotonic_ns()
        run = AttemptRun(self._errand, self._contact, visit, attempt, progress)
        try:
            ended = await run.follow(is_started=left_open is not None)
        except MltestError as error:
            ended = _failure(error)
        except (asyncio.CancelledError, StoppedError):
            if not self._errand.restarting.is_set():
                await self._end(attempt, progress, _STOPPED, begun_ns, ends_visit=False)
            raise
        if ended.outcome is Outcome.OK:
            self._failed.update(progress.failed())
            self._rounds.add(progress.times)
        gave_up = await self._killers.note(visit, self._agent, progress, ended)
        tried = _Tried(ended=ended, is_final=self._is_final(ended), gave_up=bool(gave_up))
        self._failed |= gave_up
        await self._end(attempt, progress, ended, begun_ns, ends_visit=tried.is_final or (is_last and not gave_up))
        await self._contact.forget(visit.visit_id, attempt.attempt)
        return tried

    async def _not_reached(
        self, visit: VisitSpec, left_open: StoredAttempt | None, ended: VisitEnded, *, is_last: bool
    ) -> _Tried:
        """Close what was left open on an agent that is lost; without an attempt, close the visit if that was all."""
        tried = _Tried(ended=ended, is_final=self._is_final(ended))
        if left_open is not None:
            progress = self._progress(replace(visit, attempt=left_open.attempt))
            await self._end(left_open, progress, ended, time.monotonic_ns(), ends_visit=tried.is_final)
        elif is_last or tried.is_final:
            await self._skip(visit, ended)
        return tried

    def _is_final(self, ended: VisitEnded) -> bool:
        """A visit that the agent gave up, or that got lost with it, is repeated; one that is itself at fault is not."""
        retried = (InfrastructureError, BlobUnknownError, VisitUnknownError)
        is_repeated = ended.outcome is Outcome.CANCELLED or issubclass(error_class(ended.reason_code), retried)
        return ended.outcome is Outcome.OK or self._contact.is_lost or not is_repeated

    async def _end(
        self, attempt: StoredAttempt, progress: VisitProgress, ended: VisitEnded, begun_ns: int, *, ends_visit: bool
    ) -> None:
        await self._site.thread.run(
            self._site.store.visits.end_attempt,
            attempt,
            ended,
            ends_visit=ends_visit,
            job_id=self._errand.job_id,
            news=progress.news(ended),
            spent_ns=time.monotonic_ns() - begun_ns,
        )
        await self._site.news.announce()

    def _progress(self, visit: VisitSpec) -> VisitProgress:
        return VisitProgress(visit, self._agent.name, self._errand.plan.objective)

    async def _skip(self, visit: VisitSpec, ended: VisitEnded) -> None:
        job_id, news = self._errand.job_id, self._progress(visit).news(ended)
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
