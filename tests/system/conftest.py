from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """A coordinator in this process, on a fresh state directory."""
    coordinator = await open_coordinator(tmp_path / "embedded", needs_to_run=True)
    yield coordinator
    await coordinator.close()
