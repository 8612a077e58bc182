"""Real processes, small real models, and what the table of promises says."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from mltest.shared.trust.local_peers import FOLDER_VARIABLE
from tests import scheduling
from tests.made_once import shared_by_all
from tests.models import ModelFiles, forest_on_digits, logistic_on_noise
from tests.mutations import plugin as mutations
from tests.processes import LASTING, ProcessGroup, Running
from tests.promises import plugin as promises
from tests.promises.plugin import count

__all__ = ["count"]

# The same examples in every run, and no verdict about speed on a busy machine.
settings.register_profile("mltest", derandomize=True, deadline=None)
settings.load_profile("mltest")


@pytest.fixture(scope="session", autouse=True)
def local_peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which processes of these tests, and no others, know each other."""
    folder = tmp_path_factory.mktemp("local-peers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare --promises, --rows and --mutate."""
    promises.add_options(parser)
    mutations.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Watch how the promises fare, share what is made once, and break the product if that was asked for."""
    config.pluginmanager.register(scheduling)
    config.pluginmanager.register(promises.Promises(config))
    mutations.break_on_purpose(config.getoption("--mutate"))
    if not hasattr(config, "workerinput"):
        # Workers of pytest-xdist are started later, and inherit the folder.
        stack = ExitStack()
        stack.enter_context(shared_by_all())
        config.add_cleanup(stack.close)


@pytest.fixture
def processes() -> Iterator[ProcessGroup]:
    """Starts processes and ends every one of them when the test is over."""
    group = ProcessGroup()
    yield group
    group.end()


@pytest.fixture(scope="session")
def resident(tmp_path_factory: pytest.TempPathFactory, local_peers: Path) -> Iterator[Running]:
    """An agent for every test that neither ends it nor changes its keys, and that gives it back."""
    group = ProcessGroup()
    running = group.agent(tmp_path_factory.mktemp("resident"), "--no-advertise", "--port", "0", "--name", "resident")
    LASTING.add(running.process.pid)
    yield running
    group.end()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A model that its runtime loads fast: for tests in which anything else counts."""
    return logistic_on_noise(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def forest(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A small random forest on the digits data, with validation rows."""
    return forest_on_digits(tmp_path_factory.mktemp("forest"))
