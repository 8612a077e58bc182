"""The loops that time calls, on calls whose number and order can be seen."""

import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mltest.agent.worker.bound_form import BoundForm
from mltest.agent.worker.form import MAX_VALUES
from mltest.agent.worker.spread import SHORT_CALL_NS, TOGETHER_NS, Spread, calls_together, spread_of
from mltest.agent.worker.timing import SETTLE_CALLS, Call, Walk, null_calls
from mltest.agent.worker.worker import Worker

EVERY_CALL = Spread(calls_per_value=1, untimed_calls=0, max_values=MAX_VALUES)
ONE_CALL = Spread(calls_per_value=1, untimed_calls=0, max_values=1)


class Recorder:
    """Notes which of its calls was made."""

    def __init__(self, busy_ns: int = 0) -> None:
        self.seen: list[int] = []
        self._busy_ns = busy_ns

    def calls(self, count: int) -> list[Call]:
        return [partial(self._call, index) for index in range(count)]

    def _call(self, index: int) -> object:
        self.seen.append(index)
        end_ns = time.perf_counter_ns() + self._busy_ns
        while time.perf_counter_ns() < end_ns:
            pass
        return index


def test_a_slice_has_one_value_for_each_timed_call() -> None:
    recorder = Recorder()
    calls = Walk(recorder.calls(600)).timed(3_000_000, EVERY_CALL)
    untimed = len(recorder.seen) - len(calls.values_ns)
    assert 1 <= untimed <= SETTLE_CALLS
    assert calls.measuring_ns >= 3_000_000
    assert sum(calls.values_ns) <= calls.measuring_ns
    assert not calls.is_clipped


def test_a_slice_has_a_call_even_if_that_takes_longer() -> None:
    calls = Walk(Recorder(busy_ns=2_000_000).calls(600)).timed(1, EVERY_CALL)
    assert len(calls.values_ns) == 1
    assert calls.values_ns[0] >= 2_000_000


def test_a_slice_ends_at_its_number_of_values_and_says_so() -> None:
    calls = Walk(Recorder().calls(600)).timed(10**9, Spread(calls_per_value=1, untimed_calls=0, max_values=5))
    assert (len(calls.values_ns), calls.is_clipped) == (5, True)


def test_slices_go_on_where_the_last_one_stopped() -> None:
    recorder = Recorder()
    walk = Walk(recorder.calls(600))
    for _ in range(40):
        walk.timed(1, ONE_CALL)
    assert recorder.seen == [index % 600 for index in range(len(recorder.seen))]


def test_enough_slices_use_every_row() -> None:
    recorder = Recorder()
    walk = Walk(recorder.calls(600))
    while len(recorder.seen) < 600:
        walk.timed(100_000, EVERY_CALL)
    assert len(set(recorder.seen)) == 600


def test_between_two_timed_calls_others_run_untimed_and_in_order() -> None:
    recorder = Recorder()
    calls = Walk(recorder.calls(7)).timed(10**9, Spread(calls_per_value=1, untimed_calls=4, max_values=50))
    settled = len(recorder.seen) - 50 * 5
    assert len(calls.values_ns) == 50
    assert 1 <= settled <= SETTLE_CALLS
    assert recorder.seen == [index % 7 for index in range(len(recorder.seen))]


def test_calls_that_are_timed_together_are_one_value() -> None:
    recorder = Recorder()
    spread = Spread(calls_per_value=13, untimed_calls=4, max_values=20)
    calls = Walk(recorder.calls(5)).timed(10**9, spread)
    assert (len(calls.values_ns), calls.calls_per_value) == (20, 13)
    assert recorder.seen == [index % 5 for index in range(len(recorder.seen))]
    assert 20 * 17 < len(recorder.seen) <= 20 * 17 + SETTLE_CALLS


def test_an_empty_call_costs_little() -> None:
    assert 0 < min(null_calls(1_000_000).values_ns) < 10_000


def test_page_faults_of_a_slice_are_counted() -> None:
    # Memory that is mapped anew and touched faults on each page.
    def call() -> object:
        return np.ones(8 * 1024 * 1024)

    calls = Walk([call]).timed(1, ONE_CALL)
    assert calls.minor_faults > 0


def test_a_worker_says_how_much_memory_it_takes() -> None:
    resident_kib = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")
    )
    peak_bytes = Worker().end({})["memory_peak_bytes"]
    assert peak_bytes >= resident_kib * 1024 * 0.9


def test_without_a_number_of_values_every_call_is_timed() -> None:
    assert spread_of(5_000, 12_500_000, 0, 600) == replace(EVERY_CALL, min_values=5)


def test_a_slice_has_five_calls_at_least_unless_they_are_long() -> None:
    assert [spread_of(ms * 1e6, 12_500_000, 500, 600).min_values for ms in (0.01, 10, 50, 51, 900)] == [5, 5, 5, 1, 1]
    assert spread_of(10e6, 12_500_000, 3, 600).min_values == 3
    calls = Walk(Recorder().calls(600)).timed(1, Spread(calls_per_value=1, untimed_calls=0, max_values=9, min_values=5))
    assert len(calls.values_ns) == 5
    assert not calls.is_clipped


@given(st.floats(1, 1e9, allow_nan=False), st.integers(1, 10**9), st.integers(1, 20_000), st.integers(1, 10_000))
def test_timed_calls_visit_every_batch(call_ns: float, slice_ns: int, max_values: int, batch_count: int) -> None:
    spread = spread_of(call_ns, slice_ns, max_values, batch_count)
    distance = spread.calls_per_value + spread.untimed_calls
    assert spread.untimed_calls >= 0
    assert spread.max_values == max_values
    assert math.gcd(distance, batch_count) == 1


def test_every_batch_is_timed_in_a_round_of_as_many_values() -> None:
    # 600 batches and a distance of 50 would meet 12 of them only.
    spread = spread_of(5_000, 12_500_000, 50, 600)
    distance = 1 + spread.untimed_calls
    assert 50 <= distance <= 53
    assert len({index * distance % 600 for index in range(600)}) == 600


def test_values_reach_over_the_whole_slice() -> None:
    spread = spread_of(5_000, 12_500_000, 100, 601)
    covered_ns = spread.max_values * (1 + spread.untimed_calls) * 5_000
    assert 0.95 * 12_500_000 <= covered_ns <= 1.1 * 12_500_000


def test_calls_longer_than_a_slice_are_all_timed() -> None:
    assert spread_of(50_000_000, 12_500_000, 100, 600).untimed_calls == 0


def test_only_calls_that_are_too_short_are_timed_together() -> None:
    assert calls_together(SHORT_CALL_NS) == 1
    assert calls_together(SHORT_CALL_NS - 1) == math.ceil(TOGETHER_NS / (SHORT_CALL_NS - 1))
    assert calls_together(150) == 134


def test_a_form_answers_every_row_once() -> None:
    rows = np.arange(14.0).reshape(7, 2)
    calls = [partial(np.copy, rows[start : start + 3]) for start in (0, 3)]

    def answer(output: object, row_count: int) -> NDArray[np.generic]:
        return np.array(output)[:row_count]

    answers = list(BoundForm(calls, 3, answer).answers())
    assert [first for first, _ in answers] == [0, 3]
    assert np.array_equal(np.concatenate([part for _, part in answers]), rows[:6])


def test_a_form_remembers_how_long_its_calls_take() -> None:
    form = BoundForm(Recorder(busy_ns=50_000).calls(7), 1, lambda output, _: np.array(output))
    form.warm(1_000_000)
    # 4 ms hold at most 80 such calls, so that four values are at most 20 calls apart.
    recorded = form.timed(4_000_000, 4)
    assert 1 <= len(recorded.values_ns) <= 4
    assert recorded.calls_per_value == 1
