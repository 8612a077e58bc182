"""The visits of this agent: the one that runs, and the logs of those that ended and were not acknowledged.

A visit belongs to the lease epoch that it was started under. Its holder may come back with a newer epoch (it lost its
connection, or its process) and attach to it; but a start under a newer epoch supersedes it: it is cancelled first.
What was running when the agent died is in its outbox, and ends there as interrupted.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from mltest.agent.lease.lease import Grant
from mltest.agent.outbox.interruption import interrupted_end
from mltest.agent.outbox.outbox import Outbox
from mltest.agent.visit.visit_log import Encoder, VisitLog
from mltest.agent.visit.visit_request import blobs_of, checked_visit
from mltest.agent.visit.visit_runner import VisitRunner
from mltest.agent.visit.visit_site import VisitSite
from mltest.shared.domain import Outcome, VisitEnded, VisitEvent, VisitEventBody, VisitSpec
from mltest.shared.errors import AgentBusyError, MltestError, VisitInterruptedError, VisitUnknownError

_LOG = logging.getLogger(__name__)

KEPT_LOGS = 8
KEPT_LOG_BYTES = 64 * 1024 * 1024
"""Older logs leave the memory beyond that; the newest one that ended always stays. The outbox keeps them longer."""

Decoder = Callable[[bytes], VisitEvent]
"""Raises ValueError for an event that this version does not know."""

VisitKey = tuple[str, int]
"""Visit and attempt."""


@dataclass(frozen=True, slots=True)
class _Running:
    spec: VisitSpec
    grant: Grant
    log: VisitLog
    runner: VisitRunner
    task: "asyncio.Task[None]"


class Visits:
    """At most one runs at any time."""

    def __init__(self, *, encode: Encoder, decode: Decoder, outbox: Outbox, on_change: Callable[[str], None]) -> None:
        self._encode = encode
        self._decode = decode
        self._outbox = outbox
        self._on_change = on_change
        self._logs: dict[VisitKey, VisitLog] = {}
        self._started: set[VisitKey] = set()
        """Under the epoch below: what was acknowledged is forgotten, but a late start of it must not run it again."""
        self._started_epoch = 0
        self._running: _Running | None = None
        self._starting = asyncio.Lock()

    @property
    def holder(self) -> str:
        """Who held the lease when the visit that runs was started; empty if none runs."""
        return self._running.grant.holder if self._running is not None else ""

    @property
    def running_id(self) -> str:
        """The visit that runs; empty if none does."""
        return self._running.spec.visit_id if self._running is not None else ""

    async def start(self, spec: VisitSpec, require: Callable[[], Grant], site: VisitSite) -> None:
        """Start a visit under the grant that `require` returns; one that was started before is left as it is.

        Raises:
            LeaseLostError: the lease is not valid, or was lost while an older visit was ended.
            RequestInvalidError: it cannot be run.
            AgentBusyError: another visit runs under the same lease.
            BlobUnknownError: bytes are missing.
            DiskFullError: there is no room for its journal.

        """
        async with self._starting:
            grant = require()
            if self._was_started(_key(checked_visit(spec)), grant):
                return
            self._refuse_second(spec, grant, site)
            for sha256 in blobs_of(spec):
                site.store.path(sha256)
            await self.cancel_running(VisitInterruptedError(detail="a newer visit of its holder took its place"))
            self._start(spec, require(), site)

    def log(self, visit_id: str, attempt: int) -> VisitLog:
        """Return the log of an attempt, also of an earlier life of the agent.

        Raises:
            VisitUnknownError: it is not known here (any more).

        """
        key = (visit_id, attempt)
        if key not in self._logs and (restored := self._restored(key)) is not None:
            self._logs[key] = restored
        try:
            return self._logs[key]
        except KeyError as error:
            raise VisitUnknownError(visit_id=visit_id, attempt=attempt) from error

    def acknowledge(self, visit_id: str, attempt: int, seq: int) -> None:
        """Forget the events up to number `seq`; nothing happens if they are not here (any more)."""
        try:
            log = self.log(visit_id, attempt)
        except VisitUnknownError:
            return
        log.acknowledge(seq)
        if self._running is None:
            self._forget_done()

    async def cancel(self, visit_id: str, attempt: int, reason: MltestError) -> None:
        """End an attempt if it runs, and wait for its end; `VisitUnknownError` as for `log`."""
        self.log(visit_id, attempt)
        if self._running is not None and _key(self._running.spec) == (visit_id, attempt):
            await self.cancel_running(reason)

    async def cancel_running(self, reason: MltestError) -> None:
        """End the visit that runs, if there is one, and wait for its end."""
        if (running := self._running) is not None:
            if not (running.runner.is_ending or running.task.cancelling()):
                running.runner.cancel_reason = reason
                running.task.cancel()
            await asyncio.wait([running.task])

    def _refuse_second(self, spec: VisitSpec, grant: Grant, site: VisitSite) -> None:
        running = self._running
        if running is None or running.grant.epoch != grant.epoch or running.task.cancelling():
            return
        if running.spec.visit_id == spec.visit_id and running.spec.attempt < spec.attempt:
            return
        what = f"visit {running.spec.visit_id}, attempt {running.spec.attempt}"
        raise AgentBusyError(agent=site.agent_name, holder=grant.holder, purpose=what)

    def _was_started(self, key: VisitKey, grant: Grant) -> bool:
        if grant.epoch != self._started_epoch:
            self._started_epoch, self._started = grant.epoch, set()
        return key in self._logs or key in self._started or self._outbox.knows(*key)

    def _start(self, spec: VisitSpec, grant: Grant, site: VisitSite) -> None:
        log = VisitLog(self._encode, journal=self._outbox.begin(spec))
        self._logs[_key(spec)] = log
        self._started.add(_key(spec))
        runner = VisitRunner(spec, log, site)
        task = asyncio.create_task(runner.run(), name=f"visit {spec.visit_id}")
        self._running = running = _Running(spec, grant, log, runner, task)
        task.add_done_callback(lambda _: self._ended(running))
        self._on_change(spec.visit_id)
        _LOG.info("visit %s started", spec.visit_id, extra={"visit_id": spec.visit_id, "job_id": spec.job_id})

    def _ended(self, running: _Running) -> None:
        self._running = None
        if not running.log.is_ended:
            running.log.append(_broken_end(running), needs_disk=False)
        running.log.close()
        self._forget_done()
        self._drop_old_logs()
        self._on_change("")
        spec = running.spec
        _LOG.info("visit %s ended", spec.visit_id, extra={"visit_id": spec.visit_id, "job_id": spec.job_id})

    def _restored(self, key: VisitKey) -> VisitLog | None:
        stored = self._outbox.read(*key)
        if stored is None:
            return None
        events = [body for encoded in stored.events if (body := self._body(encoded)) is not None]
        end = interrupted_end(events, stored.candidate_ids, stored.step)
        return VisitLog.restored(self._encode, stored.events, end, first_seq=stored.first_seq)

    def _body(self, encoded: bytes) -> VisitEventBody | None:
        try:
            return self._decode(encoded).event
        except ValueError:
            return None

    def _forget_done(self) -> None:
        for key, log in tuple(self._logs.items()):
            if log.is_done:
                del self._logs[key]
                self._outbox.drop(*key)

    def _drop_old_logs(self) -> None:
        while len(self._logs) > 1 and (
            len(self._logs) > KEPT_LOGS or sum(log.stored_bytes for log in self._logs.values()) > KEPT_LOG_BYTES
        ):
            del self._logs[next(iter(self._logs))]


def _key(spec: VisitSpec) -> VisitKey:
    return spec.visit_id, spec.attempt


def _broken_end(running: _Running) -> VisitEnded:
    """Return the last event of a visit that could not write it itself."""
    if running.task.cancelled():
        reason = running.runner.cancel_reason
        return VisitEnded(outcome=Outcome.CANCELLED, reason_code=reason.code, reason=reason.message)
    error = running.task.exception()
    _LOG.error("a visit broke", exc_info=error)
    broken = VisitInterruptedError(detail=f"the agent failed ({error})")
    return VisitEnded(outcome=Outcome.FAILED, reason_code=broken.code, reason=broken.message)
