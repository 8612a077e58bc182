"""Analysing a job again: the same samples give the same conclusion, and another conclusion is named."""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import HomeCoordinator
from mltest.coordinator.remote import RemoteCoordinator
from mltest.shared.domain import JobState
from mltest.shared.errors import JobStateError, JobUnknownError
from tests.contract.test_coordinator_api import NOBODY
from tests.integration.jobs import all_events, job_spec
from tests.models import ModelFiles


@pytest.fixture
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """A coordinator that is asked over gRPC."""
    if "forest_job" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("forest_job"), tmp_path / "home")
    home = await HomeCoordinator.settle(tmp_path / "home", listen="127.0.0.1", port=0)
    remote = RemoteCoordinator(home.tcp_address)
    yield remote
    await remote.close()
    await home.close()


def tamper(folder: Path) -> None:
    """Make the first stored result with a value twice as large."""
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as connection:
        for position, text in connection.execute("SELECT position, result_json FROM result ORDER BY position"):
            result = json.loads(text)
            if result["metric"] == "latency_s" and result["statistic"] == "median":
                changed = json.dumps(result | {"value": 2 * result["value"]})
                connection.execute("UPDATE result SET result_json = ? WHERE position = ?", (changed, position))
                return
    raise LookupError("there is no such result")


def slow_down(folder: Path, factor: float) -> None:
    """Make the check of speed after a job say that the memory part took `factor` times as long as it did before."""
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as connection:
        before, after = (json.loads(text) for (text,) in connection.execute(_CHECKS))
        for early, late in zip(before["processes"], after["processes"], strict=True):
            late["part_ns"]["memory"] = round(early["part_ns"]["memory"] * factor)
        connection.execute("UPDATE speed_check SET check_json = ? WHERE is_after", (json.dumps(after),))


_CHECKS = "SELECT check_json FROM speed_check ORDER BY is_after"


@pytest.mark.usefixtures("forest_job")
async def test_a_machine_that_drifted_is_said_to_again(api: CoordinatorApi, tmp_path: Path) -> None:
    (job_id,) = [job.job_id for job in await api.jobs()]
    (machine,) = (await api.results(job_id)).standings.machines
    assert machine.speed is not None
    assert {part.part for part in machine.speed.parts} == {"integer", "float", "memory"}

    slow_down(tmp_path / "home", 1.5)
    told = await api.recompute(job_id, keeps=True)
    assert any("memory" in line and "+50.0%" in line for line in told.differences)
    standings = (await api.results(job_id)).standings
    assert standings.machines[0].speed is not None
    assert standings.machines[0].speed.is_drifted
    assert any(note.startswith("drifted: ") for note in standings.notes)
    assert (await api.recompute(job_id, keeps=False)).differences == ()


@pytest.mark.usefixtures("forest_job")
async def test_a_finished_job_gives_exactly_its_stored_results_until_one_is_changed(
    api: CoordinatorApi, tmp_path: Path
) -> None:
    (job_id,) = [job.job_id for job in await api.jobs()]
    stored = await api.results(job_id)
    assert stored.job.state is JobState.DONE, stored.job.reason

    same = await api.recompute(job_id[:6], keeps=False)
    assert (same.results, same.differences, same.is_kept) == (stored, (), False)

    tamper(tmp_path / "home")
    told = await api.recompute(job_id, keeps=False)
    (line,) = told.differences
    assert "latency" in line
    assert "(-50.00%)" in line
    assert told.results == stored
    assert await api.results(job_id) != stored

    kept = await api.recompute(job_id, keeps=True)
    assert (kept.differences, kept.is_kept) == (told.differences, True)
    assert await api.results(job_id) == stored
    assert (await api.recompute(job_id, keeps=True)).differences == ()


async def test_a_job_without_an_inspected_model_and_an_unknown_one_cannot_be_analysed(
    api: CoordinatorApi, tiny: ModelFiles, tmp_path: Path
) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"nothing")
    spec = await job_spec(api, ModelFiles(model=broken, data=tiny.data), NOBODY)
    job_id = await api.submit(spec)
    await all_events(api, job_id)

    with pytest.raises(JobStateError, match="never read"):
        await api.recompute(job_id, keeps=False)
    with pytest.raises(JobUnknownError):
        await api.recompute("nothing", keeps=False)
