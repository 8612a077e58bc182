"""Calls that are slower, or wrong, on purpose."""

import time
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.runtimes.role import OpenModel
from mltest.agent.selftest.slowed_runtime import HARMED_ROW, SHIFT, _ChangedModel, slowed
from mltest.shared.errors import PredictionError

ROWS = np.random.default_rng(0).normal(size=(1024, 3))


class Softmax:
    """A model that answers with (rows, 3) scores."""

    def prepare(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows

    def predict(self, batch: NDArray[np.float64]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = np.exp(batch) / np.exp(batch).sum(axis=1, keepdims=True)
        return scores


def changed(**options: str) -> _ChangedModel:
    model = _ChangedModel(cast("OpenModel", Softmax()), options)
    model.prepare(ROWS)
    return model


def answers(model: _ChangedModel, batch_size: int) -> NDArray[np.float64]:
    starts = range(0, len(ROWS), batch_size)
    return np.concatenate([np.asarray(model.predict(ROWS[start : start + batch_size])) for start in starts])


class Clock:
    """A clock that goes on by 10 ns with each look, and by what a call takes."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 10
        return self.now_ns


@pytest.mark.parametrize("slow_ratio", [0.03, 0.05, 0.1, 1.0])
@pytest.mark.parametrize("call_ns", [10_000, 200_000])
def test_a_slowed_call_takes_its_share_longer_than_one_that_is_wrapped_alike(
    slow_ratio: float, call_ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", clock)

    def call(batch: object) -> object:
        clock.now_ns += call_ns
        return batch

    taken_ns = []
    for ratio in (0.0, slow_ratio):
        begin_ns = clock.now_ns
        assert slowed(call, ratio)(ROWS) is ROWS
        taken_ns.append(clock.now_ns - begin_ns)
    # The clock goes on in steps of 10 ns, and the wrapping is taken to cost 200 ns.
    assert taken_ns[1] / taken_ns[0] == pytest.approx(1 + slow_ratio, abs=(20 + 200 * slow_ratio) / call_ns)


@pytest.mark.parametrize("batch_size", [1, 16, 1024])
def test_one_label_is_flipped_and_nothing_else(batch_size: int) -> None:
    honest, harmed = answers(changed(), batch_size), answers(changed(harm="flip"), batch_size)
    assert (honest.argmax(axis=1) != harmed.argmax(axis=1)).nonzero()[0].tolist() == [HARMED_ROW]
    assert np.array_equal(np.delete(honest, HARMED_ROW, 0), np.delete(harmed, HARMED_ROW, 0))


def test_a_shift_moves_the_scores_of_one_row() -> None:
    difference = answers(changed(harm="shift"), 16) - answers(changed(), 16)
    assert difference[HARMED_ROW] == pytest.approx(np.full(3, SHIFT))
    assert np.count_nonzero(np.delete(difference, HARMED_ROW, 0)) == 0


def test_harm_can_be_done_at_one_batch_size_only() -> None:
    model, honest = changed(harm="flip", harm_batch_size="16"), answers(changed(), 1)
    assert not np.array_equal(answers(model, 16), honest)
    assert np.array_equal(answers(model, 64), honest)


def test_a_stall_comes_once_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    stalls: list[float] = []
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", clock)
    monkeypatch.setattr(time, "sleep", stalls.append)
    model = changed(stall_ns="100000000")
    for second in (0.5, 1.1, 1.9, 2.0, 2.4):
        clock.now_ns = int(second * 1e9)
        model.predict(ROWS[:1])
    assert stalls == [0.1, 0.1]


def test_a_module_that_must_not_be_loaded_is_told() -> None:
    changed(forbidden="no_such_module").predict(ROWS[:1])
    with pytest.raises(PredictionError, match="numpy"):
        changed(forbidden="no_such_module,numpy").predict(ROWS[:1])


def test_it_is_found_by_name_and_offered_to_nobody() -> None:
    assert runtime_named("selftest").needs.name == "selftest"
    assert "selftest" not in runtimes()
