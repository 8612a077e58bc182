"""A store on a fresh folder, and states of coordinators that have finished jobs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.home import HomeCoordinator
from mltest.coordinator.store import Store
from tests.integration.jobs import QUICK_PLAN, all_events, job_spec
from tests.made_once import made_once
from tests.models import ModelFiles
from tests.processes import Running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the store."""
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The store, closed when the test is over."""
    store = Store(folder)
    yield store
    store.close()


@pytest.fixture(scope="session")
def two_jobs(tiny: ModelFiles, resident: Running) -> Path:
    """The state of a coordinator that has finished the same job twice."""
    return made_once("two jobs", lambda folder: asyncio.run(_run(folder / "home", tiny, resident, count=2))) / "home"


@pytest.fixture(scope="session")
def forest_job(forest: ModelFiles, resident: Running) -> Path:
    """The state of a coordinator that has finished a job of a forest."""
    return (
        made_once("forest job", lambda folder: asyncio.run(_run(folder / "home", forest, resident, count=1))) / "home"
    )


async def _run(folder: Path, files: ModelFiles, agent: Running, *, count: int) -> None:
    home = await HomeCoordinator.settle(folder)
    for _ in range(count):
        await all_events(home, await home.submit(await job_spec(home, files, agent.address, plan=QUICK_PLAN)))
    await home.close()
