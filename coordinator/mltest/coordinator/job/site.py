"""What a job needs of the coordinator that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mltest.coordinator.fleet.fleet import Fleet
from mltest.coordinator.job.news import News
from mltest.coordinator.store import Store
from mltest.coordinator.store.store_thread import StoreThread
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import JobEventBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Shared by all jobs of one coordinator."""

    folder: Path
    """State directory."""
    work_folder: Path
    """Below it; emptied at every start."""
    holder: str
    """Who takes leases: stable over restarts, so that a restarted coordinator gets its leases back."""
    store: Store
    thread: StoreThread
    """Every call of `store` goes through it."""
    news: News
    blobs: BlobStore
    fleet: Fleet
    busy_wait_s: float
    """How long an agent that somebody else holds is waited for."""
    draw: Callable[[], float]
    """Randomness for back-off, uniform over 0 to 1."""

    async def tell(self, job_id: str, *bodies: JobEventBody) -> None:
        """Append events to a job, and wake who watches it."""
        await self.thread.run(self.store.jobs.append_events, job_id, *bodies)
        await self.news.announce()
