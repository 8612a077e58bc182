"""What a Python program, the command line and the gRPC service can ask of a coordinator.

`Coordinator` (engine.py) does it in this process, `RemoteCoordinator` (remote.py) asks one that serves.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mltest.shared.domain import (
    Comparison,
    Disagreements,
    EnergyRecorded,
    FileRef,
    FleetAgent,
    History,
    JobEvent,
    JobInfo,
    JobPreview,
    JobResults,
    JobSpec,
    LaterEvaluation,
    Recomputation,
    SampleSeries,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """A series of raw values with where it comes from."""

    agent_id: str
    round_index: int
    series: SampleSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnergy:
    """Raw readings of a meter with where they come from."""

    agent_id: str
    round_index: int
    recorded: EnergyRecorded


class CoordinatorApi(Protocol):
    """The way in. A job is named by its identity or by a prefix that fits only one."""

    async def put_file(self, path: Path) -> FileRef:
        """Store the bytes of `path`; what is already there is not sent again."""
        ...

    async def get_file(self, sha256: str, target: Path) -> None:
        """Write the bytes of an artifact, a model or a dataset to `target` (BlobUnknownError if they are gone)."""
        ...

    async def submit(self, spec: JobSpec, *, request_key: str = "") -> str:
        """Start a job and return its identity; the same non-empty `request_key` returns the same job."""
        ...

    async def preview(self, spec: JobSpec) -> JobPreview:
        """Return what a job would do, without making or measuring anything."""
        ...

    def watch(self, job_id: str, *, from_seq: int = 1) -> AsyncGenerator[JobEvent]:
        """Yield the job's events from `from_seq` on, and end when the job stands still."""
        ...

    async def jobs(self, *, limit: int = 100) -> tuple[JobInfo, ...]:
        """Return the newest jobs, newest first."""
        ...

    async def job(self, job_id: str) -> JobInfo:
        """Return one job."""
        ...

    async def cancel(self, job_id: str, *, finishes_visits: bool = False) -> JobInfo:
        """Stop a job: now (it becomes CANCELLED) or after the running visits (it becomes INTERRUPTED)."""
        ...

    async def resume(self, job_id: str) -> JobInfo:
        """Go on with a job that stands still; what was measured is not measured again."""
        ...

    async def results(self, job_id: str) -> JobResults:
        """Return candidates, results and standings as far as they are there."""
        ...

    def energy(self, job_id: str) -> AsyncGenerator[StoredEnergy]:
        """Yield the raw readings of meters of a job in the order in which they were stored."""
        ...

    def samples(self, job_id: str) -> AsyncGenerator[StoredSeries]:
        """Yield the raw values of a job in the order in which they were stored."""
        ...

    async def compare(self, job_a: str, job_b: str) -> Comparison:
        """Return what is different in `job_b`, candidate by candidate."""
        ...

    async def history(self, job_id: str = "", *, figure: str = "", limit: int = 100) -> History:
        """Return how a figure went over the newest `limit` jobs that are done, with alarms where it changed.

        Args:
            job_id: if it is given, only the series that this job belongs to, up to it.
            figure: METRIC, METRIC.STATISTIC or METRIC.STATISTIC@ROWS; empty: the latency at each batch size.
            limit: jobs at most.

        """
        ...

    async def recompute(self, job_id: str, *, keeps: bool) -> Recomputation:
        """Analyse again what a job measured, and return what is different; replace the stored results if `keeps`."""
        ...

    async def evaluate(
        self, job_id: str, *, test_names: Sequence[str] = (), plan_toml: str = "", again: bool = False
    ) -> LaterEvaluation:
        """Make tests of a job that is over, from what is stored of it; nothing is measured, and no agent is asked.

        What has results already is not made again, so that a call that broke off is simply repeated, unless `again`.

        Args:
            job_id: the job.
            test_names: as `test_names` of a plan: "all", "default", or names.
            plan_toml: a plan of which only its tests count; with neither, the default tests are made.
            again: make what is asked for also where it has results, which stay until the new ones are stored; with
                neither, the tests that broke, and those whose budget of time did not suffice.

        Raises:
            PlanInvalidError: there is no such test, or only agents can make it.
            JobStateError: the job goes on, or its model was never read.
            BlobUnknownError: model or data are not stored any more.
            ServerBusyError: a job runs, which this would disturb.

        """
        ...

    async def disagreements(self, job_id: str, candidate: str) -> Disagreements:
        """Return in which rows a candidate, named by label or identity, does not say what the native model says."""
        ...

    async def agents(self, *, addresses: Sequence[str] = (), uses_discovery: bool = True) -> tuple[FleetAgent, ...]:
        """Return the fleet by name, alive or gone; each alive agent was asked just now."""
        ...

    async def forget(self, agent: str) -> tuple[str, ...]:
        """Enrol an agent no more, named by name or id; return the ids of its keys."""
        ...

    async def close(self) -> None:
        """Release everything; jobs that run here are interrupted and can be resumed."""
        ...
