"""What is costly and the same for every test is made once, for all processes of one run of the tests."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_VARIABLE = "MLTEST_TESTS_SHARED"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder that `make` filled, called by whoever asks first; nobody may change what is in it."""
    folder = _shared() / hashlib.sha256(name.encode()).hexdigest()
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(dir=_shared()))
            make(unfinished)
            unfinished.rename(folder)
    return folder


@contextmanager
def shared_by_all() -> Iterator[None]:
    """Let this process and those that it starts keep what they make in one folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="mltest-made-once-", ignore_cleanup_errors=True) as folder:
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(_VARIABLE, None)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _shared() -> Path:
    return Path(os.environ.get(_VARIABLE) or _own().name)


@cache
def _own() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder of this process alone, for one that no run of the tests has started."""
    return tempfile.TemporaryDirectory(prefix="mltest-made-once-")
