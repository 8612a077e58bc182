"""Runs the code of a test, which may be a user's: whatever it does is a result that says so, and where it did it."""

import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import TypeVar

from mltest.coordinator.tests.registry import Test
from mltest.shared.units import duration_text

_LOG = logging.getLogger(__name__)
ValueT = TypeVar("ValueT")


class TestBrokeError(Exception):
    """A test broke; the text is for people."""

    __test__ = False


class _TimeIsUpError(BaseException):
    """Not an `Exception`, so that a test which catches those ends nevertheless."""


class TestGuard:
    """Holds tests to a time each; one that took too long is not tried again."""

    __test__ = False

    def __init__(self) -> None:
        self._too_long: dict[str, str] = {}

    def run(
        self, test: Test, find: Callable[[], ValueT], *, limit_s: float, method: str = "", is_last_try: bool = True
    ) -> ValueT:
        """Return what `find` returns, which calls a method of `test`; only in the main thread of a process.

        Args:
            test: whose code it is.
            find: what to do.
            limit_s: how long it may take; 0 means: as long as it likes.
            method: which of its methods, where it has several: each takes its own time.
            is_last_try: whether lack of memory is told of the test, or raised for the caller to try with less.

        Raises:
            TestBrokeError: it raised something, took too long, needed too much memory, or called `sys.exit`.
            MemoryError: memory did not suffice, and it is not the last try.

        """
        name = f"{type(test).__module__}.{type(test).__qualname__}.{method}"
        if name in self._too_long:
            raise TestBrokeError(f"not tried again: {self._too_long[name]}")
        try:
            with _time_limit(limit_s):
                return find()
        except _TimeIsUpError as error:
            text = f"it took longer than {duration_text(limit_s)}{place_of(error, type(test))}"
            self._too_long[name] = text
            raise TestBrokeError(text) from error
        except MemoryError as error:
            if not is_last_try:
                raise
            raise TestBrokeError(f"it needs more memory than there is{place_of(error, type(test))}") from error
        except SystemExit as error:
            raise TestBrokeError(f"it called sys.exit{place_of(error, type(test))}") from error
        except Exception as error:
            _LOG.exception("a test broke: %s", name)
            line = (str(error).strip().splitlines() or [""])[0]
            raise TestBrokeError(f"{type(error).__name__}: {line}{place_of(error, type(test))}") from error


def place_of(error: BaseException, test_class: type[Test]) -> str:
    """Return where `error` left the module of the test: `, at cost.py:14 in results`.

    If it was raised about what a method of the test had returned, that is where the method begins.
    """
    module = sys.modules.get(test_class.__module__)
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if module is not None and frame.filename == getattr(module, "__file__", "")
    ]
    if own:
        return _place(own[-1].filename, own[-1].lineno, own[-1].name)
    for method in (getattr(test_class, name, None) for name in ("results", "examine", "compare")):
        if isinstance(method, FunctionType):
            return _place(method.__code__.co_filename, method.__code__.co_firstlineno, method.__name__)
    return ""


def _place(path: str, line: int | None, name: str) -> str:
    return f", at {path.rsplit('/', 1)[-1]}:{line} in {name}"


@contextmanager
def _time_limit(limit_s: float) -> Iterator[None]:
    if limit_s <= 0:
        yield
        return
    before = signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(number: int, frame: FrameType | None) -> None:
    raise _TimeIsUpError
