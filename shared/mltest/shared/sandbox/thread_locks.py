"""Semaphores of `multiprocessing` among threads, for a process that can have no other and has no /dev/shm.

joblib makes some for every pool of threads. Source: Modules/_multiprocessing/semaphore.c of CPython.
"""

import sys
import threading
import time
import types

_RECURSIVE_MUTEX = 0


class ThreadSemaphore:
    """What `_multiprocessing.SemLock` is, as far as one process sees it."""

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.kind, self.maxvalue, self.name, self.handle = kind, maxvalue, name, 0
        self._value = value
        self._changed = threading.Condition()
        self._holder, self._depth = 0, 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one; return whether that was possible."""
        with self._changed:
            if self._is_mine() and self.kind == _RECURSIVE_MUTEX:
                self._depth += 1
                return True
            deadline_s = None if timeout is None else time.monotonic() + max(timeout, 0)
            while self._value == 0:
                left_s = None if deadline_s is None else deadline_s - time.monotonic()
                if not block or (left_s is not None and left_s <= 0):
                    return False
                self._changed.wait(left_s)
            self._value -= 1
            self._holder, self._depth = threading.get_ident(), self._depth + 1
            return True

    def release(self) -> None:
        """Give one back."""
        with self._changed:
            if self.kind == _RECURSIVE_MUTEX:
                if not self._is_mine():
                    raise AssertionError("attempt to release recursive lock not owned by thread")
                if self._depth > 1:
                    self._depth -= 1
                    return
            elif self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._depth -= 1
            self._value += 1
            self._changed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_mine(self) -> bool:
        return self._depth > 0 and self._holder == threading.get_ident()

    def _count(self) -> int:
        return self._depth

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        self._depth = 0


def use_thread_semaphores() -> None:
    """Let `multiprocessing`, which is not imported yet, find these instead of those of the system."""
    module = types.ModuleType("_multiprocessing")
    module.SemLock = ThreadSemaphore  # type: ignore[attr-defined]  # a module made at run time
    module.sem_unlink = lambda name: None  # type: ignore[attr-defined]
    module.flags = {}  # type: ignore[attr-defined]
    sys.modules["_multiprocessing"] = module
