"""What all agents of one job have in common."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass

from mltest.coordinator.job.site import Site
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import JobEventBody, JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A job as those see it who deal with its agents."""

    site: Site
    job_id: str
    spec: JobSpec
    plan: Plan
    stop: asyncio.Event
    """Set when no further visit is to be started."""
    restarting: asyncio.Event
    """Set when the coordinator ends and goes on with the job at its next start: what runs may go on until then."""
    pins: ExitStack
    """Keeps the job's blobs until it is over."""

    @property
    def holder(self) -> str:
        """Who takes the leases of this job; another job of the same coordinator is somebody else."""
        return f"{self.site.holder}/{self.job_id}"

    @property
    def purpose(self) -> str:
        """What the leases are for, for people."""
        return f"job {self.job_id}, {self.spec.model.name}"

    def pin(self, *shas: str) -> None:
        """Keep blobs from making room for others while the job goes on."""
        self.pins.enter_context(self.site.blobs.pinned(shas))

    async def is_stopped_within(self, delay_s: float) -> bool:
        """Wait, but not longer than the user wants to; return whether that was cut short."""
        try:
            return await asyncio.wait_for(self.stop.wait(), delay_s)
        except TimeoutError:
            return False

    async def tell(self, *bodies: JobEventBody) -> None:
        """Append events to the job."""
        await self.site.tell(self.job_id, *bodies)
