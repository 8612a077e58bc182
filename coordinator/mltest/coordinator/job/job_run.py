"""One job from its first step, or from where it was stopped, to a state in which it stands still."""

import asyncio
import logging
from contextlib import ExitStack
from enum import Enum

from mltest.coordinator.job.conclusion import Conclusion
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.measurement import Measurement
from mltest.coordinator.job.preparation import Preparation
from mltest.coordinator.job.site import Site
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.shared.domain import JobInfo, JobState, Outcome
from mltest.shared.errors import MltestError, VisitInterruptedError

_LOG = logging.getLogger(__name__)


class _Phase(Enum):
    PREPARING = "preparing"
    MEASURING = "measuring"
    CONCLUDING = "concluding"


class Stop(Enum):
    """Why a job is stopped before its end."""

    CANCELLED = "cancelled"
    """A user wants it to end now."""
    FINISHES_VISITS = "finishes_visits"
    """A user wants it to end behind the running visits."""
    CLOSING = "closing"
    """The coordinator ends; somebody has to resume the job."""
    RESTARTING = "restarting"
    """The daemon ends; its next start resumes the job."""


_STOPPED_STATES = {
    Stop.CANCELLED: (JobState.CANCELLED, "cancelled by a user"),
    Stop.FINISHES_VISITS: (JobState.INTERRUPTED, "stopped by a user"),
    Stop.CLOSING: (JobState.INTERRUPTED, "the process that ran it ended"),
    Stop.RESTARTING: (JobState.QUEUED, "the coordinator was stopped; it goes on when that is started again"),
}


class JobRun:
    """Runs one job; every step is stored, so that a later run skips what is done."""

    def __init__(self, site: Site, job: JobInfo, slots: asyncio.Semaphore) -> None:
        self._site = site
        self._job_id = job.job_id
        self._slots = slots
        self._stop: Stop | None = None
        self._stops_visits = asyncio.Event()
        self._restarting = asyncio.Event()
        self._phase = _Phase.PREPARING
        self._task = asyncio.create_task(self._run_and_announce(job), name=f"job {job.job_id}")

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self._task.done()

    def failure(self) -> MltestError | None:
        """Return why not even the job's end could be stored; None if it was, or if the job still runs."""
        error = self._task.exception() if self._task.done() and not self._task.cancelled() else None
        return error if isinstance(error, MltestError) else MltestError(str(error)) if error else None

    def stop(self, reason: Stop) -> None:
        """Ask the job to end; `ended` tells when it has. A later and harder reason replaces an earlier one."""
        if self._stop is None or reason is not Stop.FINISHES_VISITS:
            self._stop = reason
        if self._stop is Stop.RESTARTING:
            self._restarting.set()
        self._stops_visits.set()
        if reason is not Stop.FINISHES_VISITS or self._phase is _Phase.PREPARING:
            self._task.cancel()

    async def ended(self) -> None:
        """Return when the job stands still."""
        await asyncio.wait([self._task])

    async def _run_and_announce(self, job: JobInfo) -> None:
        try:
            with ExitStack() as pins:
                await self._run_pinned(job, pins)
        finally:
            # Watchers have to learn also of an end that could not be stored.
            asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._site.news.announce()))

    async def _run_pinned(self, job: JobInfo, pins: ExitStack) -> None:
        reason_code = ""
        try:
            pins.enter_context(self._site.blobs.pinned(_blobs_of(job)))
            async with self._slots:
                await self._set_state(JobState.RUNNING)
                state, reason_code, reason = await self._steps(job, pins)
        except asyncio.CancelledError:
            state, reason = _STOPPED_STATES[self._stop or Stop.CLOSING]
        except MltestError as error:
            state, reason_code, reason = JobState.FAILED, error.code, error.message
        except Exception:
            _LOG.exception("a job failed unexpectedly", extra={"job_id": self._job_id})
            state, reason_code, reason = JobState.FAILED, MltestError.code, "see the log of the coordinator"
        await self._set_state(state, reason_code, reason)

    async def _steps(self, job: JobInfo, pins: ExitStack) -> tuple[JobState, str, str]:
        """Do everything; however that ends, a table of what there is then is stored."""
        errand = Errand(
            site=self._site,
            job_id=self._job_id,
            spec=job.spec,
            plan=parse_plan(job.spec.plan_toml),
            stop=self._stops_visits,
            restarting=self._restarting,
            pins=pins,
        )
        folder = self._site.work_folder / self._job_id
        conclusion = Conclusion(errand, folder)
        try:
            await Preparation(errand, folder).run()
            self._phase = _Phase.MEASURING
            await self._measure(Measurement(errand), conclusion)
            self._phase = _Phase.CONCLUDING
            await conclusion.evaluate()
            return await self._verdict()
        finally:
            await self._summarise(conclusion)

    async def _measure(self, measurement: Measurement, conclusion: Conclusion) -> None:
        """Measure; predictions are evaluated while nobody does, behind a screening and before rounds end for good."""
        if await measurement.screen():
            if self._stops_visits.is_set() and await measurement.has_open_visits():
                return
            await conclusion.evaluate()
        await measurement.run()
        while not self._stops_visits.is_set():
            await conclusion.evaluate()
            if not await measurement.revive():
                return

    async def _summarise(self, conclusion: Conclusion) -> None:
        """A table that cannot be made does not change how the job ended."""
        try:
            await conclusion.summarise()
        except Exception:
            _LOG.exception("no table could be made", extra={"job_id": self._job_id})

    async def _verdict(self) -> tuple[JobState, str, str]:
        """Return the state of a job that came to its end, with the reason."""
        visits = await self._site.thread.run(self._site.store.visits.of_job, self._job_id)
        ends = await self._site.thread.run(self._site.store.outcomes.of_job, self._job_id)
        if any(visit.outcome is None for visit in visits) and self._stop is not None:
            state, reason = _STOPPED_STATES[self._stop]
            return state, "", reason
        if any(end.outcome is Outcome.OK for end in ends):
            return JobState.DONE, "", ""
        failures = [(end.reason_code, end.reason) for end in ends if end.outcome is Outcome.FAILED]
        failures += [(visit.reason_code, visit.reason) for visit in visits if visit.outcome is Outcome.FAILED]
        if not failures:
            return JobState.FAILED, VisitInterruptedError.code, "nothing could be measured"
        reason_code, reason = failures[0]
        return JobState.FAILED, reason_code, f"nothing could be measured: {reason}"

    async def _set_state(self, state: JobState, reason_code: str = "", reason: str = "") -> None:
        set_state = self._site.store.jobs.set_state
        await self._site.thread.run(set_state, self._job_id, state, reason_code=reason_code, reason=reason)
        _LOG.info(
            "job %s is %s%s", self._job_id, state.value, f": {reason}" if reason else "", extra={"job_id": self._job_id}
        )
        await self._site.news.announce()


def _blobs_of(job: JobInfo) -> tuple[str, ...]:
    """Return the blobs that a job needs before its first step, or its next one."""
    dataset = (job.dataset.sha256,) if job.dataset else ()
    return (job.spec.model.sha256, *(file.sha256 for file in (*job.spec.data, *job.spec.training)), *dataset)
