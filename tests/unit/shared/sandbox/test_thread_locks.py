"""Semaphores among threads, held against those of the operating system."""

import importlib
import multiprocessing
import subprocess
import sys
import threading

import pytest

from mltest.shared.sandbox.thread_locks import ThreadSemaphore

RECURSIVE_MUTEX, SEMAPHORE = 0, 1


def made(kind: int, value: int, maxvalue: int, *, is_real: bool) -> ThreadSemaphore:
    if not is_real:
        return ThreadSemaphore(kind, value, maxvalue, "/x", True)
    name = f"/mltest-{threading.get_ident()}-{kind}"
    found: ThreadSemaphore = importlib.import_module("_multiprocessing").SemLock(kind, value, maxvalue, name, True)
    return found


@pytest.mark.parametrize("is_real", [False, True])
def test_a_lock_is_taken_once_and_given_back_once(is_real: bool) -> None:
    lock = made(SEMAPHORE, 1, 1, is_real=is_real)
    assert lock.acquire() and not lock.acquire(False)
    lock.release()
    with pytest.raises(ValueError, match="released too many times"):
        lock.release()


@pytest.mark.parametrize("is_real", [False, True])
def test_a_recursive_lock_counts_for_its_thread_and_keeps_others_out(is_real: bool) -> None:
    lock = made(RECURSIVE_MUTEX, 1, 1, is_real=is_real)
    assert lock.acquire() and lock.acquire()
    assert lock._count() == 2
    taken: list[bool] = []
    other = threading.Thread(target=lambda: taken.append(lock.acquire(False)))
    other.start()
    other.join()
    assert taken == [False]
    lock.release()
    lock.release()
    with pytest.raises(AssertionError):
        lock.release()


@pytest.mark.parametrize("is_real", [False, True])
def test_waiting_ends_with_the_time_or_with_a_release(is_real: bool) -> None:
    lock = made(SEMAPHORE, 0, 2, is_real=is_real)
    assert not lock.acquire(True, 0.01)
    threading.Timer(0.01, lock.release).start()
    assert lock.acquire(True, 30)


def test_a_pool_of_threads_works_with_them() -> None:
    program = (
        "from mltest.shared.sandbox.thread_locks import use_thread_semaphores as use; use()\n"
        "from multiprocessing.pool import ThreadPool\n"
        "print(sum(ThreadPool(3).map(lambda x: x * x, range(10))))\n"
        "import joblib\n"
        "print(sum(joblib.Parallel(2, require='sharedmem')(joblib.delayed(abs)(-x) for x in range(4))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["285", "6"]
    assert multiprocessing.get_start_method() != ""
