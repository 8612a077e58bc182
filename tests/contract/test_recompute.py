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
