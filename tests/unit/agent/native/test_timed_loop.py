import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from mltest.agent.native.compile import compiled_loop
from mltest.agent.native.timed_loop import NativeCall, TimedLoop, load_library
from mltest.agent.worker.spread import Spread, spread_of
from mltest.agent.worker.timing import SETTLE_CALLS
from mltest.shared.errors import PredictionError

LONG_NS = 10**12
"""A slice that ends by its number of values."""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder: Path = tmp_path_factory.mktemp("loop")
    return load_library(compiled_loop(folder))


class Calls:
    """A call that notes the batches that it is made with."""

    def __init__(self, fails_at: int = -1) -> None:
        self.batches: list[int] = []
        self.fails_at = fails_at
        self.native = NativeCall(self._call)

    def _call(self, context: int | None, batch_index: int) -> int:
        self.batches.append(batch_index)
        return 7 if len(self.batches) == self.fails_at else 0

    def loop(self, library: ctypes.CDLL, batch_count: int) -> TimedLoop:
        return TimedLoop(library, self.native, ctypes.c_void_p(None), batch_count, lambda: "it said no")


def spread(values: int, *, together: int = 1, between: int = 0) -> Spread:
    return Spread(calls_per_value=together, untimed_calls=between, max_values=values)


def test_batches_are_gone_through_in_a_circle_and_slices_go_on_behind_each_other(library: ctypes.CDLL) -> None:
    calls = Calls()
    loop = calls.loop(library, 3)
    loop.timed(LONG_NS, spread(4))
    loop.timed(LONG_NS, spread(2))
    assert calls.batches == [index % 3 for index in range(len(calls.batches))]
    assert len(calls.batches) > 6


@pytest.mark.parametrize(("together", "between"), [(1, 0), (1, 4), (5, 0), (3, 2)])
def test_as_many_calls_are_made_as_are_timed_between_and_settle(
    library: ctypes.CDLL, together: int, between: int
) -> None:
    calls = Calls()
    found = calls.loop(library, 11).timed(LONG_NS, spread(6, together=together, between=between))
    assert len(found.values_ns) == 6
    assert found.calls_per_value == together
    settled = len(calls.batches) - 6 * together - 5 * between
    assert 1 <= settled <= SETTLE_CALLS


def test_a_slice_ends_with_the_first_value_behind_its_time(library: ctypes.CDLL) -> None:
    found = Calls().loop(library, 2).timed(0, spread(1000))
    assert len(found.values_ns) == 1
    assert not found.is_clipped


def test_a_slice_goes_on_beyond_its_time_for_the_fewest_values(library: ctypes.CDLL) -> None:
    fewest = Spread(calls_per_value=1, untimed_calls=0, max_values=9, min_values=5)
    assert len(Calls().loop(library, 3).timed(1, fewest).values_ns) == 5


def test_a_slice_that_ends_by_its_number_of_values_says_so(library: ctypes.CDLL) -> None:
    found = Calls().loop(library, 2).timed(LONG_NS, spread(5))
    assert found.is_clipped
    assert sum(found.values_ns) <= found.measuring_ns
    assert found.started_monotonic_ns > 0


@pytest.mark.parametrize("batch_count", [1, 2, 12, 35, 64])
def test_timed_calls_visit_every_batch(library: ctypes.CDLL, batch_count: int) -> None:
    """The timed ones are those at the distance of the spread; their batches are counted, not assumed."""
    wanted = spread_of(5_000, 12_500_000, 100, batch_count)
    calls = Calls()
    loop = calls.loop(library, batch_count)
    loop.timed(LONG_NS, spread(batch_count, between=wanted.untimed_calls))
    distance = wanted.untimed_calls + 1
    timed = calls.batches[-1 - (batch_count - 1) * distance :: distance]
    assert sorted(timed) == list(range(batch_count))
    assert math.gcd(distance, batch_count) == 1


@pytest.mark.parametrize("fails_at", [1, 3, 25, 40])
def test_a_failing_call_ends_the_slice_with_what_the_runtime_says(library: ctypes.CDLL, fails_at: int) -> None:
    calls = Calls(fails_at)
    with pytest.raises(PredictionError, match="it said no"):
        calls.loop(library, 4).timed(LONG_NS, spread(100, between=1))
    assert len(calls.batches) == fails_at


def test_single_calls_take_the_batches_in_turn_too(library: ctypes.CDLL) -> None:
    calls = Calls()
    loop = calls.loop(library, 3)
    for _ in range(4):
        loop.call_next()
    loop.call(2)
    assert calls.batches == [0, 1, 2, 0, 2]


def test_a_call_of_nothing_is_timed(library: ctypes.CDLL) -> None:
    nothing: Callable[..., int] = library.mltest_null_call
    loop = TimedLoop(library, nothing, ctypes.c_void_p(None), 5, lambda: "")  # type: ignore[arg-type]  # a function of C
    found = loop.timed(LONG_NS, spread(1000, together=100))
    assert len(found.values_ns) == 1000
    assert found.minor_faults >= 0
