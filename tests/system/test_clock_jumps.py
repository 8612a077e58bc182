"""The date of an agent's machine jumps by a year in the middle of a visit."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.domain import JobState, Outcome, SampleSeries, VisitUpdated
from tests.integration.jobs import CANDIDATES, ONE_ROUND, all_events, events_until, is_under_way, job_spec, of_kind
from tests.models import ModelFiles
from tests.processes import ProcessGroup

pytestmark = pytest.mark.promise(40)

SLICES = 60
PLAN = ONE_ROUND.replace("slice_count = 4", f"slice_count = {SLICES}")


@pytest.fixture
def date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that moves the date of processes started now, and nothing else about their clocks."""
    if shutil.which("faketime") is None:
        pytest.skip("needs libfaketime: apt-get install faketime")
    found = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True).stdout
    library = next(line.partition("=")[2] for line in found.splitlines() if line.startswith("LD_PRELOAD="))
    file = tmp_path / "date"
    file.write_text("+0\n")
    for name, value in {
        "LD_PRELOAD": library.replace("libfaketime.so", "libfaketimeMT.so"),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }.items():
        monkeypatch.setenv(name, value)
    yield file


@pytest.mark.parametrize("jump", [pytest.param("+366d", marks=pytest.mark.long), "-366d"])
@pytest.mark.promise(40)
async def test_a_job_is_exact_when_the_date_of_the_agent_jumps(
    api: CoordinatorApi,
    tiny: ModelFiles,
    processes: ProcessGroup,
    tmp_path: Path,
    date: Path,
    monkeypatch: pytest.MonkeyPatch,
    jump: str,
) -> None:
    agent = processes.agent(tmp_path / "a", "--no-advertise", "--port", "0")
    monkeypatch.delenv("LD_PRELOAD")
    job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=PLAN))
    await events_until(api, job_id, is_under_way)
    date.write_text(jump + "\n")
    os.utime(date)
    events = await all_events(api, job_id)

    assert (await api.job(job_id)).state is JobState.DONE
    assert [(end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome] == [(1, Outcome.OK)]
    series = [found.series async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * SLICES
    assert all(0 < value < 10**10 for one in series for value in one.values)
    assert order_of(series) == sorted(order_of(series))


def order_of(series: list[SampleSeries]) -> list[tuple[int, int]]:
    """Return when the slices of one candidate began, in the order in which they came."""
    first = series[0].candidate_id
    return [(one.slice_index, one.started_monotonic_ns) for one in series if one.candidate_id == first]
