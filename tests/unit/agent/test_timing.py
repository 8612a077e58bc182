"""The loops that time calls, on calls whose number and order can be seen."""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.agent.worker.rows import batches_of
from mltest.agent.worker.timing import SETTLE_CALLS, WARM_CALLS, WARM_CALLS_OF_SLOW, Walk, null_calls
from mltest.agent.worker.worker import Worker

ROWS = np.arange(600, dtype=np.float32).reshape(600, 1)


class Recorder:
    """Notes the first row of each batch."""

    def __init__(self, busy_ns: int = 0) -> None:
        self.first_rows: list[float] = []
        self._busy_ns = busy_ns

    def __call__(self, batch: NDArray[np.floating]) -> object:
        self.first_rows.append(float(batch[0, 0]))
        end_ns = time.perf_counter_ns() + self._busy_ns
        while time.perf_counter_ns() < end_ns:
            pass
        return batch


def test_a_slice_has_one_value_for_each_timed_call() -> None:
    recorder = Recorder()
    calls = Walk(batches_of(ROWS, 1)).timed(recorder, 3_000_000)
    untimed = len(recorder.first_rows) - len(calls.values_ns)
    assert 1 <= untimed <= SETTLE_CALLS
    assert calls.measuring_ns >= 3_000_000
    assert sum(calls.values_ns) <= calls.measuring_ns
    assert not calls.is_clipped


def test_a_slice_has_a_call_even_if_that_takes_longer() -> None:
    calls = Walk(batches_of(ROWS, 1)).timed(Recorder(busy_ns=2_000_000), 1)
    assert len(calls.values_ns) == 1
    assert calls.values_ns[0] >= 2_000_000


def test_a_slice_ends_at_its_number_of_calls_and_says_so() -> None:
    calls = Walk(batches_of(ROWS, 1)).timed(Recorder(), 10**9, max_calls=5)
    assert (len(calls.values_ns), calls.is_clipped) == (5, True)


def test_slices_go_on_where_the_last_one_stopped() -> None:
    recorder, walk = Recorder(), Walk(batches_of(ROWS, 1))
    for _ in range(40):
        walk.timed(recorder, 1, max_calls=1)
    expected = [float(index % 600) for index in range(len(recorder.first_rows))]
    assert recorder.first_rows == expected


def test_enough_slices_use_every_row() -> None:
    recorder, walk = Recorder(), Walk(batches_of(ROWS, 1))
    while len(recorder.first_rows) < 600:
        walk.timed(recorder, 100_000)
    assert len(set(recorder.first_rows)) == 600


def test_warming_up_makes_many_calls() -> None:
    recorder = Recorder()
    Walk(batches_of(ROWS, 1)).warm(recorder, 1)
    assert len(recorder.first_rows) >= WARM_CALLS_OF_SLOW


def test_warming_up_with_quick_calls_takes_the_time_that_was_asked_for() -> None:
    recorder = Recorder()
    started_ns = time.perf_counter_ns()
    Walk(batches_of(ROWS, 1)).warm(recorder, 5_000_000)
    assert time.perf_counter_ns() - started_ns >= 5_000_000
    assert len(recorder.first_rows) >= WARM_CALLS


def test_warming_up_with_slow_calls_is_bounded() -> None:
    recorder = Recorder(busy_ns=5_000_000)
    Walk(batches_of(ROWS, 1)).warm(recorder, 1_000_000)
    assert len(recorder.first_rows) == WARM_CALLS_OF_SLOW


def test_an_empty_call_costs_little() -> None:
    assert 0 < min(null_calls([ROWS[:1]], 1_000_000).values_ns) < 10_000


def test_a_worker_says_how_much_memory_it_takes() -> None:
    resident_kib = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")
    )
    peak_bytes = Worker().end({})["memory_peak_bytes"]
    assert peak_bytes >= resident_kib * 1024 * 0.9
