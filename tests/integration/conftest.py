"""Real agents on loopback, a real small model, and a coordinator in the process of the test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from tests.system.models import ModelFiles, forest_on_digits
from tests.system.processes import ProcessGroup


@pytest.fixture
def processes() -> Iterator[ProcessGroup]:
    """Starts processes and ends every one of them when the test is over."""
    group = ProcessGroup()
    yield group
    group.end()


@pytest.fixture(scope="session")
def forest(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A small random forest on the digits data, with validation rows."""
    return forest_on_digits(tmp_path_factory.mktemp("forest"), trees=5)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """A coordinator in this process, on a fresh state directory."""
    coordinator = await open_coordinator(tmp_path / "home", needs_to_run=True)
    yield coordinator
    await coordinator.close()
