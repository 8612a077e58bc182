"""A coordinator whose disk is full in the middle of a job."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobState, Outcome, VisitUpdated
from mltest.shared.errors import DiskFullError
from tests.integration.jobs import (
    CANDIDATES,
    SLOW_PLAN,
    SLOW_SLICES,
    all_events,
    events_until,
    is_under_way,
    job_spec,
    of_kind,
)
from tests.models import ModelFiles
from tests.processes import Running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip(
            "needs a small file system: run as root (sudo .venv/bin/pytest tests/integration/test_engine_disk.py)"
        )
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip(
            "needs to mount a tmpfs, so no container: sudo .venv/bin/pytest tests/integration/test_engine_disk.py"
        )
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.promise(35)
async def test_a_full_disk_ends_the_job_with_what_is_wrong_and_it_goes_on_when_there_is_room(
    tiny: ModelFiles, resident: Running, small_disk: Path
) -> None:
    api = await open_coordinator(small_disk, needs_to_run=True)
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=SLOW_PLAN))
    await events_until(api, job_id, is_under_way)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    async with asyncio.timeout(60):
        told = await how_it_ended(api, job_id)
    filler.unlink()
    await api.resume(job_id)
    events = await all_events(api, job_id)

    assert "no room left" in told
    assert (await api.job(job_id)).state is JobState.DONE
    ends = [(end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome]
    assert ends == [(1, Outcome.OK)], "what the agent measured meanwhile is taken up"
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLOW_SLICES
    await api.close()


async def how_it_ended(api: CoordinatorApi, job_id: str) -> str:
    """Return what the job says of its end; where there is no room even for that, what a watcher is told."""
    try:
        await all_events(api, job_id)
    except DiskFullError as error:
        return error.message
    return (await api.job(job_id)).reason
