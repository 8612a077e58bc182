"""Forms of a call: what is said of them, and what a forged answer does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.visit.call_remarks import absent_remarks, row_remarks, warm_remarks
from mltest.agent.visit.slice_tally import SliceTally
from mltest.agent.visit.worker_answers import (
    TimedSlice,
    count,
    number,
    threads_from_frame,
    timed_slice_from_frame,
    verified_from_frame,
)
from mltest.agent.worker.form import Form, TimedCalls, WarmUp
from mltest.agent.worker.forms import form_of
from mltest.agent.worker.sample_frame import samples_to_frame
from mltest.agent.worker.timed_forms import TimedForms, timed_to_frame
from mltest.agent.worker.verification import Expected
from mltest.shared.children.frames import Frame, decode_frame, encode_frame
from mltest.shared.domain import CallRemark, Output, RemarkKind, SampleSeries
from mltest.shared.errors import CallAbsentError, PredictionError
from mltest.shared.native.predictions import Predictions

SCORES = np.array([[0.1, 0.9], [0.8, 0.2]])
CALLS = TimedCalls(started_monotonic_ns=7, values_ns=[20_000, 21_000], measuring_ns=50_000, calls_per_value=13)


class SmallForm:
    """Two rows, one in each call."""

    def __init__(self, calls: TimedCalls) -> None:
        self._calls = calls

    def warm(self, warmup_ns: int) -> WarmUp:
        return WarmUp(call_ns=1_000.4, is_steady=False)

    def timed(self, slice_ns: int, max_values: int) -> TimedCalls:
        return self._calls

    def answers(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        yield 0, SCORES[:1]
        yield 1, SCORES[1:] + 0.25


def forms(failure: Exception | None = None, calls: TimedCalls = CALLS) -> TimedForms:
    def make(metric: str, batch_size: int) -> Form:
        if failure:
            raise failure
        return SmallForm(calls)

    predictions = Predictions(labels=np.array([1, 0]), scores=SCORES)
    return TimedForms(make, lambda: Expected(predictions=predictions, output=Output.PROBABILITIES, classes=("a", "b")))


def asked(metric: str = "latency_ns", **more: int | None) -> Frame:
    return {"metric": metric, "batch_size": 1, **more}


def through_a_pipe(frame: Frame) -> Frame:
    return decode_frame(encode_frame(frame))


@pytest.mark.parametrize("failure", [CallAbsentError(detail="no compiler"), RuntimeError("no compiler\nat all")])
@pytest.mark.parametrize("metric", ["lean_latency_ns", "native_latency_ns", "conversion_ns"])
def test_a_form_that_cannot_be_made_is_absent_with_the_reason(metric: str, failure: Exception) -> None:
    answer = forms(failure).form(asked(metric))
    assert "no compiler" in answer["absent"]
    assert "at all" not in answer["absent"]


class PlainModel:
    """Has the usual call only; it doubles its rows."""

    def prepare(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.ascontiguousarray(rows, dtype=np.float32)

    def predict(self, batch: NDArray[np.floating]) -> object:
        return batch * 2

    def answer(self, output: object, row_count: int) -> NDArray[np.generic]:
        return np.array(output, dtype=np.float64).reshape(row_count, -1)

    def predictions(self, batch: NDArray[np.floating]) -> Predictions:
        return Predictions(scores=self.answer(self.predict(batch), len(batch)).astype(np.float64))


class LeanPlainModel(PlainModel):
    """Writes each answer into the same place."""

    def lean_calls(self, batches: Sequence[NDArray[np.floating]]) -> Sequence[Callable[[], object]]:
        place = np.zeros_like(batches[0])
        return [partial(np.multiply, batch, 2, out=place) for batch in batches]


ORIGINAL = np.asfortranarray(np.arange(10.0).reshape(5, 2))


@pytest.mark.parametrize("metric", ["lean_latency_ns", "native_latency_ns"])
def test_a_model_without_another_call_has_no_such_form(metric: str) -> None:
    model = PlainModel()
    with pytest.raises(CallAbsentError):
        form_of(metric, 2, model, model.prepare(ORIGINAL), ORIGINAL)


@pytest.mark.parametrize("metric", ["latency_ns", "lean_latency_ns"])
def test_forms_of_a_call_answer_the_same(metric: str) -> None:
    model = LeanPlainModel()
    answers = list(form_of(metric, 2, model, model.prepare(ORIGINAL), ORIGINAL).answers())
    assert [first for first, _ in answers] == [0, 2, 4]
    assert np.array_equal(np.concatenate([answer for _, answer in answers])[:5], 2 * ORIGINAL)


def test_a_conversion_begins_with_the_rows_of_the_dataset() -> None:
    model = PlainModel()
    answers = list(form_of("conversion_ns", 2, model, model.prepare(ORIGINAL), ORIGINAL).answers())
    assert all(answer.dtype == np.float32 and answer.flags.c_contiguous for _, answer in answers)
    assert np.array_equal(np.concatenate([answer for _, answer in answers])[:5], ORIGINAL)


def test_a_call_as_users_make_it_has_to_be_there() -> None:
    with pytest.raises(PredictionError, match="broken"):
        forms(RuntimeError("broken")).form(asked())


def test_what_a_form_answers_is_verified() -> None:
    made = forms()
    assert made.form(asked()) == {"absent": ""}
    answer = through_a_pipe(made.verify(asked(limit_ns=10**10)))
    calls = verified_from_frame(answer, "latency_ns", 1)
    assert (calls.row_count, calls.differing_row_count, calls.worst_rows) == (2, 0, (1,))
    assert calls.max_abs_difference == 0.25


def test_a_slice_survives_the_way_from_worker_to_agent() -> None:
    made = forms()
    made.form(asked())
    answer = through_a_pipe(made.slice(asked(slice_ns=1, max_values=0, processor=None)))
    timed = timed_slice_from_frame(answer, "a", "latency_ns", 1, 3)
    assert timed == TimedSlice(
        SampleSeries(
            candidate_id="a",
            metric="latency_ns",
            batch_size=1,
            slice_index=3,
            started_monotonic_ns=7,
            values=(20_000, 21_000),
            calls_per_value=13,
        ),
        measuring_ns=50_000,
        is_clipped=False,
        minor_faults=0,
    )


@pytest.mark.parametrize(("max_values", "is_clipped"), [(0, True), (2, False)])
def test_only_the_limit_of_values_clips_a_slice_not_the_wanted_number(max_values: int, is_clipped: bool) -> None:
    made = forms(calls=replace(CALLS, is_clipped=True))
    made.form(asked())
    assert made.slice(asked(slice_ns=1, max_values=max_values, processor=None))["is_clipped"] is is_clipped


def test_warming_up_says_how_calls_will_be_timed() -> None:
    made = forms()
    made.form(asked())
    assert made.warm(asked(warmup_ns=1)) == {"call_ns": 1_000, "is_steady": False, "calls_per_value": 20}


GOOD = {"row_count": 1, "differing_row_count": 0, "max_abs_difference": 0.0, "worst_rows": [], "median_shift": 0.0}


@pytest.mark.parametrize(
    "forged",
    [
        {"row_count": -1},
        {"row_count": 2**32},
        {"max_abs_difference": float("nan")},
        {"max_abs_difference": float("inf")},
        {"max_abs_difference": -1.0},
        {"max_abs_difference": "much"},
        {"median_shift": float("nan")},
        {"worst_rows": [-1]},
        {"worst_rows": ["x"]},
        {"worst_rows": 3},
    ],
)
def test_a_forged_comparison_is_refused(forged: Frame) -> None:
    with pytest.raises((ValueError, TypeError)):
        verified_from_frame({**GOOD, **forged}, "latency_ns", 1)


def test_a_long_list_of_worst_rows_is_cut() -> None:
    assert len(verified_from_frame({**GOOD, "worst_rows": [1] * 10**6}, "latency_ns", 1).worst_rows) <= 16


@pytest.mark.parametrize("value", [-1, 2**63, 1.5, "1", None])
def test_a_forged_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="key"):
        number({"key": value}, "key")
    with pytest.raises(ValueError, match="key"):
        count({"key": value}, "key")


def test_threads_are_counted_in_reasonable_numbers() -> None:
    with pytest.raises(ValueError, match="thread_count"):
        threads_from_frame({"thread_count": 2**40, "pool_count": 0, "largest_pool": 0})


def test_a_form_that_is_absent_at_every_batch_size_is_one_remark() -> None:
    reason = "no compiler"
    assert absent_remarks("native_latency_ns", {1: reason, 64: reason}) == (
        CallRemark(kind=RemarkKind.ABSENT, metric="native_latency_ns", batch_size=0, text=reason),
    )
    assert [one.batch_size for one in absent_remarks("native_latency_ns", {1: "", 64: reason})] == [64]
    assert [one.text for one in absent_remarks("native_latency_ns", {1: "x", 64: "y"})] == ["x", "y"]
    assert absent_remarks("latency_ns", {1: "", 64: ""}) == ()


def test_unsteady_and_short_calls_are_remarked() -> None:
    both = warm_remarks("latency_ns", 1, call_ns=900, is_steady=False, calls_per_value=23)
    assert [one.kind for one in both] == [RemarkKind.UNSTEADY, RemarkKind.BATCHED]
    assert "0.9 us" in both[1].text
    assert "23 calls" in both[1].text
    assert warm_remarks("latency_ns", 1, call_ns=9_000, is_steady=True, calls_per_value=1) == ()


def test_few_rows_are_a_remark_on_every_call() -> None:
    (remark,) = row_remarks(10_000, 1, 1)
    assert (remark.kind, remark.metric, remark.batch_size) == (RemarkKind.FEW_ROWS, "", 0)
    assert row_remarks(10_000, 10_000, 10_000) == ()


def test_page_faults_are_counted_in_each_call_the_untimed_ones_too() -> None:
    tally = SliceTally()
    series = SampleSeries(candidate_id="a", metric="latency_ns", started_monotonic_ns=0, values=(1_000,) * 10)
    # Ten timed calls of a hundred: 300 faults are three in each.
    tally.add(TimedSlice(series, measuring_ns=100_000, is_clipped=False, minor_faults=300))
    assert tally.notes() == ("candidate a: 3 page faults in each call",)
    assert tally.measuring_ns == 100_000


def test_values_of_a_slice_are_packed() -> None:
    assert timed_to_frame(CALLS)["values"] == samples_to_frame([20_000, 21_000])
