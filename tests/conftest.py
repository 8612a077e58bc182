"""Real processes and small real models for integration and system tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.models import ModelFiles, forest_on_digits
from tests.processes import ProcessGroup

# The same examples in every run, and no verdict about speed on a busy machine.
settings.register_profile("mltest", derandomize=True, deadline=None)
settings.load_profile("mltest")


@pytest.fixture
def processes() -> Iterator[ProcessGroup]:
    """Starts processes and ends every one of them when the test is over."""
    group = ProcessGroup()
    yield group
    group.end()


@pytest.fixture(scope="session")
def forest(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A small random forest on the digits data, with validation rows."""
    return forest_on_digits(tmp_path_factory.mktemp("forest"))
