"""What is found when calls answer something else than the candidate's predictions."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.worker.verification import LARGEST_DIFFERENCE, Expected, verified_calls
from mltest.shared.domain import Output, VerifiedCalls
from mltest.shared.native.predictions import Predictions

ROWS = 10_000
CLASSES = ("setosa", "versicolor", "virginica")


def probabilities() -> NDArray[np.float64]:
    scores = np.random.default_rng(0).random((ROWS, 3))
    shares: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return shares


def expected(scores: NDArray[np.float64], output: Output = Output.PROBABILITIES) -> Expected:
    labels = scores.argmax(axis=1).astype(np.int64)
    return Expected(predictions=Predictions(labels=labels, scores=scores), output=output, classes=CLASSES)


def batches(answer: NDArray[np.generic], size: int) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Yield what a form yields: the last batch goes on at the first row."""
    for first in range(0, len(answer), size):
        yield first, np.take(answer, np.arange(first, first + size), axis=0, mode="wrap")


def verified(answer: NDArray[np.generic], wanted: Expected, size: int = 64) -> VerifiedCalls:
    return verified_calls("latency_ns", size, batches(answer, size), wanted, limit_ns=10**12)


@pytest.mark.parametrize("size", [1, 64, 333, ROWS, 2 * ROWS])
def test_equal_answers_differ_nowhere(size: int) -> None:
    scores = probabilities()
    found = verified(scores.copy(), expected(scores), size)
    assert found == VerifiedCalls(metric="latency_ns", batch_size=size, row_count=ROWS)


@pytest.mark.parametrize("row", [0, 5_000, ROWS - 1])
def test_one_flipped_label_in_ten_thousand_rows_is_caught(row: int) -> None:
    scores = probabilities()
    labels = np.array(CLASSES)[scores.argmax(axis=1)]
    wrong = labels.copy()
    wrong[row] = CLASSES[(scores[row].argmax() + 1) % 3]
    found = verified(wrong, expected(scores, Output.LABELS))
    assert (found.differing_row_count, found.worst_rows, found.max_abs_difference) == (1, (row,), 0.0)
    assert verified(labels, expected(scores, Output.LABELS)).differing_row_count == 0


def test_a_shift_of_one_ten_thousandth_in_one_row_is_caught() -> None:
    scores = probabilities()
    shifted = scores.copy()
    shifted[1234, 2] += 1e-4
    found = verified(shifted, expected(scores))
    assert found.max_abs_difference == pytest.approx(1e-4)
    assert found.worst_rows == (1234,)


def test_differences_are_those_of_numpy_and_the_worst_come_first() -> None:
    scores = probabilities()
    noisy = scores + np.random.default_rng(1).normal(scale=1e-3, size=scores.shape)
    found = verified(noisy, expected(scores))
    difference = np.abs(noisy - scores).max(axis=1)
    flipped = noisy.argmax(axis=1) != scores.argmax(axis=1)
    assert found.max_abs_difference == difference.max()
    assert found.differing_row_count == flipped.sum()
    worst = np.flatnonzero(flipped)[np.argsort(-difference[flipped])][:5]
    assert found.worst_rows == tuple(worst)


def test_two_classes_that_are_a_tie_may_be_named_either_way() -> None:
    scores = np.tile([0.5, 0.5, 0.0], (10, 1))
    answer = scores + np.array([0, 1e-8, 0])
    found = verified(answer, expected(scores), 1)
    assert found.differing_row_count == 0
    assert found.max_abs_difference == pytest.approx(1e-8)


def test_a_decision_in_one_column_flips_at_zero() -> None:
    scores = np.array([[-1.0], [2.0], [3.0]])
    answer = np.array([[-1.0], [-2.0], [3.0]])
    found = verified(answer, expected(scores, Output.SCORES), 1)
    assert (found.differing_row_count, found.worst_rows) == (1, (1,))


def test_values_have_no_labels() -> None:
    scores = probabilities()
    found = verified(scores[:, ::-1].copy(), expected(scores, Output.VALUES))
    assert found.differing_row_count == 0
    assert found.max_abs_difference == np.abs(scores[:, ::-1] - scores).max()


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_differs_by_the_largest_one(strange: float) -> None:
    scores = probabilities()
    broken = scores.copy()
    broken[77, 1] = strange
    found = verified(broken, expected(scores))
    assert found.max_abs_difference == LARGEST_DIFFERENCE
    assert found.worst_rows[0] == 77
    assert verified(broken, expected(scores, Output.VALUES)).max_abs_difference == LARGEST_DIFFERENCE


def test_a_row_without_numbers_names_no_class() -> None:
    scores = probabilities()
    broken = scores.copy()
    broken[77] = math.nan
    assert verified(broken, expected(scores)).differing_row_count == 1
    assert verified(scores, expected(broken)).differing_row_count == 1


@pytest.mark.filterwarnings("error")
def test_an_infinity_that_is_expected_is_equal() -> None:
    scores = np.array([[math.inf], [-math.inf], [1.0]])
    assert verified(scores.copy(), expected(scores, Output.VALUES), 1).max_abs_difference == 0.0


def test_answers_of_another_shape_differ_in_every_row() -> None:
    scores = probabilities()
    found = verified(scores[:, :2].copy(), expected(scores))
    assert (found.differing_row_count, found.max_abs_difference) == (ROWS, LARGEST_DIFFERENCE)
    labels = verified(np.zeros((ROWS, 2)), expected(scores, Output.LABELS))
    assert labels.differing_row_count == ROWS


def test_it_ends_when_its_time_is_over_and_says_how_far_it_came() -> None:
    scores = probabilities()
    ticks = iter(range(1000))
    found = verified_calls(
        "latency_ns", 64, batches(scores, 64), expected(scores), limit_ns=10, clock=lambda: next(ticks)
    )
    assert found.row_count == 10 * 64


def test_a_shift_of_every_value_of_a_regressor_is_measured_besides_what_single_rows_differ_by() -> None:
    values = np.random.default_rng(1).normal(size=(ROWS, 2)) * 100
    shifted = values.copy()
    shifted[:, 1] -= 1e-4
    shifted[7, 0] += 1
    found = verified(shifted, expected(values, Output.VALUES))
    assert found.median_shift == pytest.approx(-1e-4)
    assert found.max_abs_difference == pytest.approx(1)


def test_rounding_of_values_is_no_shift() -> None:
    values = np.random.default_rng(2).normal(size=(ROWS, 1)) * 100
    found = verified(values.astype(np.float32), expected(values, Output.VALUES))
    assert abs(found.median_shift) < 1e-6
