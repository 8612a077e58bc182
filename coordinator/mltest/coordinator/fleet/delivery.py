"""Sends an agent the blobs that it lacks, and tells how far that is."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.fleet.agent_client import AgentClient
from mltest.coordinator.job.site import Site
from mltest.shared.domain import AgentInfo, AgentUpdated
from mltest.shared.errors import AgentUnreachableError, BlobBusyError, BlobOffsetError

_QUIET_BYTES = 8_000_000
"""Less than that is sent without a word."""
_MIN_STEP_S = 0.5
_FIRST_BACKOFF_S = 0.25
_FRUITLESS_TRIES = 6
"""In a row, before the agent is looked for elsewhere."""
_STEPS = 50
"""News of less than this part is not told."""


async def deliver(site: Site, job_id: str, agent: AgentInfo, client: AgentClient, blobs: Sequence[str]) -> None:
    """Send what `agent` lacks of `blobs`.

    Raises:
        BlobUnknownError: a blob is not here any more.
        MltestError: the agent refuses one, or is gone.

    """
    with site.blobs.pinned(blobs):
        paths = {sha256: site.blobs.path(sha256) for sha256 in blobs}
        sizes = {sha256: site.blobs.status(sha256).stored_bytes for sha256 in blobs}
        told = _Told(site, job_id, agent, total_bytes=sum(sizes.values()))
        for sha256, path in paths.items():
            await _send(client, path, sha256=sha256, size_bytes=sizes[sha256], told=told)
            told.finished(sizes[sha256])
        await told.end()


async def _send(client: AgentClient, path: Path, *, sha256: str, size_bytes: int, told: "_Told") -> None:
    """Send one blob, over a line that may be cut as often as it likes while something arrives between the cuts."""
    first_bytes, fruitless = -1, 0
    while True:
        told.begins()
        try:
            await client.upload(path, sha256=sha256, size_bytes=size_bytes, on_progress=told.sent)
            return
        except (AgentUnreachableError, BlobBusyError, BlobOffsetError):
            fruitless = 0 if told.first_bytes > first_bytes else fruitless + 1
            first_bytes = max(first_bytes, told.first_bytes)
            if fruitless >= _FRUITLESS_TRIES:
                raise
        await asyncio.sleep(random.uniform(0.5, 1.0) * _FIRST_BACKOFF_S * 2**fruitless)


class _Told:
    """Progress as events, some of them only: few enough to be kept."""

    def __init__(self, site: Site, job_id: str, agent: AgentInfo, *, total_bytes: int) -> None:
        self._site = site
        self._job_id = job_id
        self._agent = agent
        self._total_bytes = total_bytes
        self._finished_bytes = 0
        self.first_bytes = 0
        """What was at the agent or under way after the first chunk of this try; 0: it did not get there."""
        self._next_bytes = 0
        self._next_s = 0.0
        self._telling: asyncio.Task[None] | None = None

    def begins(self) -> None:
        """Note that another try begins."""
        self.first_bytes = 0

    def sent(self, blob_bytes: int) -> None:
        """Note that `blob_bytes` of the current blob are on their way."""
        self.first_bytes = self.first_bytes or blob_bytes
        now_s = asyncio.get_running_loop().time()
        done_bytes = self._finished_bytes + blob_bytes
        is_told = self._telling is not None and not self._telling.done()
        if self._total_bytes < _QUIET_BYTES or done_bytes < self._next_bytes or now_s < self._next_s or is_told:
            return
        self._next_bytes = done_bytes + self._total_bytes // _STEPS
        self._next_s = now_s + _MIN_STEP_S
        self._telling = asyncio.ensure_future(
            self._tell(f"receives {done_bytes / 1e6:.0f} of {self._total_bytes / 1e6:.0f} MB")
        )

    def finished(self, blob_bytes: int) -> None:
        """Note that a blob is there."""
        self._finished_bytes += blob_bytes

    async def end(self) -> None:
        """Say that everything is there, if anything was said."""
        if self._telling is not None:
            await self._telling
            await self._tell("")

    async def _tell(self, reason: str) -> None:
        news = AgentUpdated(agent_id=self._agent.agent_id, name=self._agent.name, takes_part=True, reason=reason)
        await self._site.tell(self._job_id, news)
