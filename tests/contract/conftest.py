"""A store on a fresh folder, for the tests that every store has to pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.store import Store


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
