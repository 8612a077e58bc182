"""The coordinator as a library: jobs run in this process, over one state directory."""

import asyncio
import random
import shutil
import socket
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mltest.coordinator.api import StoredEnergy, StoredSeries
from mltest.coordinator.fleet.agent_doors import AgentDoors
from mltest.coordinator.fleet.fleet import Fleet
from mltest.coordinator.job.against import check_usable
from mltest.coordinator.job.disagreements import disagreements
from mltest.coordinator.job.expected_visits import expected_visits
from mltest.coordinator.job.job_run import JobRun, Stop
from mltest.coordinator.job.later_tests import evaluated_later
from mltest.coordinator.job.measured_jobs import compared, history
from mltest.coordinator.job.news import News
from mltest.coordinator.job.previewing import preview
from mltest.coordinator.job.recomputing import recomputed
from mltest.coordinator.job.site import Site
from mltest.coordinator.job.spec_check import check_address, check_spec
from mltest.coordinator.planning.figure_names import parse_figure
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.store import Store
from mltest.coordinator.store.store_thread import StoreThread
from mltest.coordinator.tests.chosen import checked_names
from mltest.coordinator.tests.reports import reports_of
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import (
    Comparison,
    Disagreements,
    FileRef,
    FleetAgent,
    History,
    JobEvent,
    JobInfo,
    JobPreview,
    JobResults,
    JobSpec,
    JobState,
    LaterEvaluation,
    Recomputation,
)
from mltest.shared.errors import (
    BlobUnknownError,
    JobStateError,
    NotPermittedError,
    RequestInvalidError,
    ServerBusyError,
)

_PARALLEL_JOBS = 1
"""Jobs take turns: building for one would disturb what a local agent measures for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorOptions:
    """How a coordinator behaves."""

    is_daemon: bool = False
    """Whether jobs that an earlier process left unfinished are resumed at once; otherwise they become INTERRUPTED."""
    blob_capacity_bytes: int = 20_000_000_000
    """Of models, datasets and artifacts together; the least recently used make room."""
    busy_wait_s: float = 4 * 3600.0
    """How long an agent that somebody else holds is waited for, in line."""
    draw: Callable[[], float] = random.random
    """Randomness for back-off, uniform over 0 to 1."""


class Coordinator:
    """A `CoordinatorApi` over a state directory; `mltest.coordinator.home` decides which process may run jobs there."""

    def __init__(self, folder: Path, *, runs_jobs: bool, options: CoordinatorOptions) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.options = options
        self._runs_jobs = runs_jobs
        self._store = Store(folder)
        self._thread = StoreThread()
        self._site = Site(
            folder=folder,
            work_folder=folder / "work",
            holder=f"{socket.gethostname()}/{self._store.coordinator_id()[:8]}",
            store=self._store,
            thread=self._thread,
            news=News(),
            blobs=BlobStore(folder / "blobs", options.blob_capacity_bytes),
            fleet=Fleet(self._store, self._thread, AgentDoors(folder)),
            busy_wait_s=options.busy_wait_s,
            draw=options.draw,
        )
        self._runs: dict[str, JobRun] = {}
        self._slots = asyncio.Semaphore(_PARALLEL_JOBS)

    @classmethod
    async def open(cls, folder: Path, *, runs_jobs: bool, options: CoordinatorOptions | None = None) -> Self:
        """Return a coordinator that has taken care of what an earlier process left unfinished.

        Args:
            folder: state directory; its lock is held by the caller if `runs_jobs`.
            runs_jobs: whether jobs can be submitted and resumed; otherwise this one reads, and closes what lies still.
            options: how it behaves.

        """
        options = options or CoordinatorOptions()
        coordinator = await asyncio.to_thread(cls, folder, runs_jobs=runs_jobs, options=options)
        if runs_jobs:
            await coordinator._take_over()
        return coordinator

    @property
    def blobs(self) -> BlobStore:
        """Where files of submissions are kept."""
        return self._site.blobs

    async def put_file(self, path: Path) -> FileRef:
        """Store the bytes of `path`."""
        try:
            blob = await asyncio.to_thread(self.blobs.add_file, path)
        except OSError as error:
            raise RequestInvalidError(detail=f"{path} cannot be read: {error.strerror or error}") from error
        return FileRef(name=path.name, sha256=blob.sha256)

    async def get_file(self, sha256: str, target: Path) -> None:
        """Write the bytes of a blob to `target`."""
        if not self.blobs.status(sha256).is_complete:
            raise BlobUnknownError(f"the bytes {sha256} are not here any more", sha256=sha256)
        await asyncio.to_thread(shutil.copyfile, self.blobs.path(sha256), target)

    async def submit(self, spec: JobSpec, *, request_key: str = "") -> str:
        """Start a job."""
        self._require_running()
        self._check(spec)
        if spec.against_job_id:
            earlier = await self.job(spec.against_job_id)
            check_usable(earlier)
            spec = replace(spec, against_job_id=earlier.job_id)
        new_id = uuid.uuid4().hex[:12]
        job_id = await self._thread.run(self._store.jobs.add, new_id, spec, request_key=request_key)
        if job_id == new_id:
            self._start(await self.job(job_id))
        return job_id

    async def preview(self, spec: JobSpec) -> JobPreview:
        """Return what a job would do; while a job runs that would disturb it."""
        self._require_running()
        self._check(spec)
        if self._slots.locked():
            raise ServerBusyError(what="jobs", limit=_PARALLEL_JOBS)
        async with self._slots:
            return await preview(self._site, spec)

    async def watch(self, job_id: str, *, from_seq: int = 1) -> AsyncGenerator[JobEvent]:
        """Yield the events of a job until it stands still."""
        job_id = (await self.job(job_id)).job_id
        next_seq = max(from_seq, 1)
        while True:
            count = self._site.news.count
            job = await self._thread.run(self._store.jobs.get, job_id)
            is_over = job.state.is_over or not self._goes_on(job_id)
            events = await self._thread.run(self._store.jobs.events, job_id, next_seq)
            for event in events:
                yield event
                next_seq = event.seq + 1
            if events:
                continue
            self._raise_broken(job_id)
            if is_over:
                return
            await self._site.news.later_than(count)

    async def jobs(self, *, limit: int = 100) -> tuple[JobInfo, ...]:
        """Return the newest jobs."""
        return await self._thread.run(self._store.jobs.newest, limit)

    async def job(self, job_id: str) -> JobInfo:
        """Return one job; visits that are known to come are in their total."""
        return await self._thread.run(self._counted, job_id)

    async def cancel(self, job_id: str, *, finishes_visits: bool = False) -> JobInfo:
        """Stop a job; one that nobody runs is closed."""
        job = await self.job(job_id)
        if job.state.is_over:
            raise JobStateError(job_id=job.job_id, state=job.state.value, detail="there is nothing to stop")
        run = self._runs.get(job.job_id)
        if run is None or run.is_over:
            await self._close_job(job, JobState.CANCELLED, "cancelled by a user")
        elif finishes_visits:
            run.stop(Stop.FINISHES_VISITS)
        else:
            run.stop(Stop.CANCELLED)
            await run.ended()
        return await self.job(job.job_id)

    async def resume(self, job_id: str) -> JobInfo:
        """Go on with a job that stands still."""
        self._require_running()
        job = await self.job(job_id)
        if job.state is JobState.DONE or self._is_running(job.job_id):
            detail = "it is finished; submit it again" if job.state is JobState.DONE else "it goes on already"
            raise JobStateError(job_id=job.job_id, state=job.state.value, detail=detail)
        await self._thread.run(self._store.jobs.set_state, job.job_id, JobState.QUEUED)
        await self._site.news.announce()
        self._start(job)
        return await self.job(job.job_id)

    async def results(self, job_id: str) -> JobResults:
        """Return what is known of a job."""
        job = await self.job(job_id)
        candidates = await self._thread.run(self._store.jobs.candidates, job.job_id)
        results, standings = await self._thread.run(self._store.outcomes.conclusion, job.job_id)
        agents = await self._thread.run(self._store.outcomes.participants, job.job_id)
        return JobResults(
            job=job,
            candidates=candidates,
            results=results,
            standings=standings,
            agents=agents,
            tests=reports_of(job, parse_plan(job.spec.plan_toml), results),
        )

    async def energy(self, job_id: str) -> AsyncGenerator[StoredEnergy]:
        """Yield the raw readings of meters of a job, of attempts that ended well."""
        job = await self.job(job_id)
        after = (0, 0)
        while page := await self._thread.run(self._store.visits.energy_page, job.job_id, after):
            for _, found in page:
                yield found
            after = page[-1][0]

    async def samples(self, job_id: str) -> AsyncGenerator[StoredSeries]:
        """Yield the raw values of a job, of attempts that ended well."""
        job = await self.job(job_id)
        after = (0, 0, 0)
        while page := await self._thread.run(self._store.visits.series_page, job.job_id, after):
            for _, series in page:
                yield series
            after = page[-1][0]

    async def compare(self, job_a: str, job_b: str) -> Comparison:
        """Return what is different in `job_b`."""
        before, after = await self.job(job_a), await self.job(job_b)
        return await compared(self._site, before.job_id, after.job_id)

    async def history(self, job_id: str = "", *, figure: str = "", limit: int = 100) -> History:
        """Return how a figure went from job to job."""
        last = await self.job(job_id) if job_id else None
        return await history(self._site, parse_figure(figure) if figure else None, limit=limit, last=last)

    async def recompute(self, job_id: str, *, keeps: bool) -> Recomputation:
        """Analyse again what a job measured."""
        return await recomputed(self._site, await self.job(job_id), keeps=keeps)

    async def evaluate(
        self, job_id: str, *, test_names: Sequence[str] = (), plan_toml: str = "", again: bool = False
    ) -> LaterEvaluation:
        """Make tests of a job that is over; while a job runs that would disturb it."""
        self._require_running()
        asked = parse_plan(plan_toml)
        asked = replace(asked, test_names=(*asked.test_names, *checked_names(test_names)))
        job = await self.job(job_id)
        if self._slots.locked():
            raise ServerBusyError(what="jobs", limit=_PARALLEL_JOBS)
        async with self._slots:
            made_tests, notes = await evaluated_later(self._site, job, asked, again=again)
        return LaterEvaluation(results=await self.results(job.job_id), made_tests=made_tests, notes=notes)

    async def disagreements(self, job_id: str, candidate: str) -> Disagreements:
        """Return in which rows a candidate differs."""
        return await disagreements(self._site, await self.job(job_id), candidate)

    async def agents(self, *, addresses: Sequence[str] = (), uses_discovery: bool = True) -> tuple[FleetAgent, ...]:
        """Return the fleet."""
        for address in addresses:
            check_address(address)
        return await self._site.fleet.survey(addresses, uses_discovery=uses_discovery)

    async def forget(self, agent: str) -> tuple[str, ...]:
        """Enrol an agent no more."""
        return await self._site.fleet.forget(agent)

    async def listen_for_agents(self) -> None:
        """Begin to listen for agents now, so that the first job finds them at once."""
        await self._site.fleet.listen()

    @property
    def is_idle(self) -> bool:
        """Whether no job runs or waits here, and none is evaluated."""
        return not self._slots.locked() and all(run.is_over for run in self._runs.values())

    async def idle(self, job_ids: Collection[str] | None = None) -> None:
        """Return when none of these jobs, or none at all, runs or waits here."""
        while busy := [
            run for job_id, run in self._runs.items() if not run.is_over and (job_ids is None or job_id in job_ids)
        ]:
            await asyncio.gather(*(run.ended() for run in busy))

    async def stop_jobs(self) -> None:
        """Interrupt what runs; nothing can be started any more. A daemon's jobs go on when it is started again."""
        self._runs_jobs = False
        running = [run for run in self._runs.values() if not run.is_over]
        for run in running:
            run.stop(Stop.RESTARTING if self.options.is_daemon else Stop.CLOSING)
        await asyncio.gather(*(run.ended() for run in running))

    async def close(self) -> None:
        """Interrupt what runs, and release everything; doing it again changes nothing."""
        await self.stop_jobs()
        await self._site.fleet.close()
        await asyncio.to_thread(self._thread.close)
        self._store.close()

    def _check(self, spec: JobSpec) -> None:
        """Refuse what cannot become a job."""
        check_spec(spec)
        for file in (spec.model, *spec.data, *spec.training):
            if not self.blobs.status(file.sha256).is_complete:
                raise BlobUnknownError(f"the bytes of {file.name} ({file.sha256}) are not here", sha256=file.sha256)

    def _start(self, job: JobInfo) -> None:
        self._runs[job.job_id] = JobRun(self._site, job, self._slots)

    async def _take_over(self) -> None:
        """Resume or close the jobs that a dead process left; nobody else runs any, because the lock is held."""
        shutil.rmtree(self._site.work_folder, ignore_errors=True)
        self._site.work_folder.mkdir()
        for job in await self._thread.run(self._store.jobs.unfinished):
            if self.options.is_daemon:
                await self._thread.run(self._store.jobs.set_state, job.job_id, JobState.QUEUED)
                self._start(job)
            else:
                await self._close_job(job, JobState.INTERRUPTED, "the process that ran it ended")

    async def _close_job(self, job: JobInfo, state: JobState, reason: str) -> None:
        await self._thread.run(self._store.jobs.set_state, job.job_id, state, reason=reason)
        await self._site.news.announce()

    def _counted(self, job_id: str) -> JobInfo:
        job = self._store.jobs.get(job_id)
        return replace(job, visits_total=job.visits_total + expected_visits(self._store, job))

    def _goes_on(self, job_id: str) -> bool:
        """Return whether an unfinished job goes on; that of a daemon does, at the next start at the latest."""
        return self.options.is_daemon or self._is_running(job_id)

    def _is_running(self, job_id: str) -> bool:
        run = self._runs.get(job_id)
        return run is not None and not run.is_over

    def _raise_broken(self, job_id: str) -> None:
        run = self._runs.get(job_id)
        if run is not None and (failure := run.failure()) is not None:
            raise failure

    def _require_running(self) -> None:
        if not self._runs_jobs:
            raise NotPermittedError(detail="this process does not run jobs (any more)")
