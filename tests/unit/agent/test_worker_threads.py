"""Threads of a worker: which are counted, and how many are too many."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mltest.agent.visit.thread_rule import WorkerThreads, check_threads
from mltest.agent.worker.process_state import (
    POOL_LIBRARIES,
    count_working,
    go_to_processor,
    memory_bytes,
    thread_times,
    working_thread_count,
)
from mltest.shared.errors import ThreadsExceededError


def found(thread_count: int, pool_count: int = 0, largest_pool: int = 0) -> WorkerThreads:
    return WorkerThreads(thread_count=thread_count, pool_count=pool_count, largest_pool=largest_pool)


def test_one_declared_thread_is_the_main_one() -> None:
    check_threads(1, found(1, pool_count=3, largest_pool=1), session_count=2)
    with pytest.raises(ThreadsExceededError, match=r"2 threads work, 1 are possible with `threads` = 1"):
        check_threads(1, found(2, pool_count=3), session_count=1)


def test_each_pool_and_session_may_have_the_declared_number() -> None:
    # The main thread is one of each pool: 1 + 3 more in each of two pools and the runtime's own.
    check_threads(4, found(10, pool_count=2, largest_pool=4), session_count=1)
    with pytest.raises(ThreadsExceededError):
        check_threads(4, found(11, pool_count=2), session_count=1)


def test_a_pool_that_is_larger_than_declared_is_refused() -> None:
    with pytest.raises(ThreadsExceededError, match="8 threads"):
        check_threads(2, found(1, pool_count=1, largest_pool=8), session_count=1)


def test_a_thread_that_only_waits_is_not_counted() -> None:
    before = {1: 5_000_000, 2: 60_000}
    after = {1: 105_000_000, 2: 70_000, 3: 2_000_000, 4: 900_000}
    assert count_working(before, after) == 2


def test_a_housekeeper_that_wakes_up_while_little_is_computed_is_not_counted() -> None:
    assert count_working({1: 5_000_000, 2: 0}, {1: 12_000_000, 2: 200_000}) == 1
    assert count_working({1: 5_000_000, 2: 0}, {1: 12_000_000, 2: 2_000_000}) == 2


def test_there_is_always_one_thread() -> None:
    assert count_working({}, {}) == count_working({1: 5}, {1: 5}) == 1


def test_a_thread_of_this_process_that_works_is_counted() -> None:
    before, is_over, has_begun = thread_times(), threading.Event(), threading.Event()

    def work() -> None:
        has_begun.set()
        while not is_over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=work)
    thread.start()
    has_begun.wait()
    number = thread.native_id
    while thread_times().get(number or 0, 0) < 5_000_000:
        sum(range(1000))
    count = working_thread_count(before)
    is_over.set()
    thread.join()
    assert count >= 2


@pytest.mark.parametrize(
    ("path", "is_pool"),
    [
        ("/venv/numpy.libs/libscipy_openblas64_-ff651d7f.so", True),
        ("/usr/lib/x86_64-linux-gnu/libgomp.so.1.0.0", True),
        ("/venv/scikit_learn.libs/libgomp-e985bcbb.so.1.0.0", True),
        ("/opt/intel/libiomp5.so", True),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", False),
        ("/home/libopenblas/python", False),
    ],
)
def test_libraries_with_pools_are_known_by_their_names(path: str, is_pool: bool) -> None:
    assert bool(POOL_LIBRARIES.search(path)) is is_pool


def test_an_unknown_figure_of_memory_is_an_error() -> None:
    assert memory_bytes("VmRSS") > 0
    with pytest.raises(OSError, match="VmNothing"):
        memory_bytes("VmNothing")


def test_this_kernel_tells_the_time_of_threads() -> None:
    assert Path("/proc/self/task").is_dir()
    assert max(thread_times().values()) > 0


def test_a_thread_goes_to_a_processor_and_may_leave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    change, seen = os.sched_setaffinity, list[tuple[set[int], int]]()

    def changing(pid: int, cpus: set[int]) -> None:
        change(pid, cpus)
        seen.append((os.sched_getaffinity(0), last_processor()))

    monkeypatch.setattr(os, "sched_setaffinity", changing)
    # In a thread of its own: where the others run is not changed.
    with ThreadPoolExecutor(1) as threads:
        for cpu in sorted(allowed):
            threads.submit(go_to_processor, cpu).result()
            (meanwhile, place), (afterwards, _) = seen
            assert (meanwhile, place, afterwards) == ({cpu}, cpu, allowed)
            seen.clear()
        threads.submit(go_to_processor, max(allowed) + 1).result()
    assert not seen


def last_processor() -> int:
    """Return where the calling thread runs: proc(5), field 39 of stat; field 2, the name, may have blanks in it."""
    return int(Path("/proc/thread-self/stat").read_text().rpartition(")")[2].split()[36])
