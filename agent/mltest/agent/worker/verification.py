"""Compares what timed calls answer with what the candidate predicts for the whole dataset; imported in workers only.

A call that is fast because it answers something else is found before it is timed: at each batch size, in each form.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.agent.worker.warm_up import Clock
from mltest.shared.domain import Output, VerifiedCalls
from mltest.shared.native.class_labels import class_indices
from mltest.shared.native.predictions import Predictions

WORST_ROWS = 5
TIE_TOLERANCE = 1e-6
"""Two scores that are not farther apart are a tie, as in the agreement of a candidate with its model."""
LARGEST_DIFFERENCE = sys.float_info.max
"""Stands for a difference without a size: of what is no number, or of another shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What calls have to answer."""

    predictions: Predictions
    """Of the candidate itself, for every row."""
    output: Output
    """What a call answers."""
    classes: Sequence[str]

    @property
    def row_count(self) -> int:
        """Return the number of rows."""
        found = self.predictions.labels if self.predictions.scores is None else self.predictions.scores
        assert found is not None
        return len(found)


def verified_calls(
    metric: str,
    batch_size: int,
    answers: Iterable[tuple[int, NDArray[np.generic]]],
    expected: Expected,
    *,
    limit_ns: int,
    clock: Clock = time.perf_counter_ns,
) -> VerifiedCalls:
    """Return how far `answers` are from what is expected; it ends after `limit_ns`, and after one answer at least.

    Args:
        metric: key of the form.
        batch_size: rows per call.
        answers: (number of the first row, answer) as `Form.answers` yields them.
        expected: what they are compared with.
        limit_ns: time for it.
        clock: in ns.

    """
    differences, flips = np.zeros(expected.row_count), np.zeros(expected.row_count, dtype=np.bool_)
    shifts: list[NDArray[np.float64]] = []
    row_count, deadline_ns = 0, clock() + limit_ns
    for first, answer in answers:
        rows = slice(first, min(first + batch_size, expected.row_count))
        differences[rows], flips[rows] = _compared(answer[: rows.stop - first], rows, expected)
        shifts += _shifts(answer[: rows.stop - first], rows, expected)
        row_count = max(row_count, rows.stop)
        if clock() >= deadline_ns:
            break
    return VerifiedCalls(
        metric=metric,
        batch_size=batch_size,
        row_count=row_count,
        differing_row_count=int(flips.sum()),
        max_abs_difference=float(differences.max()),
        worst_rows=_worst(differences, flips),
        median_shift=_median_shift(shifts),
    )


def _compared(
    answer: NDArray[np.generic], rows: slice, expected: Expected
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return for each row how far its scores are away, and whether it has another label."""
    count = rows.stop - rows.start
    if expected.output is Output.LABELS:
        assert expected.predictions.labels is not None
        if answer.shape != (count,):
            return np.zeros(count), np.ones(count, dtype=np.bool_)
        return np.zeros(count), class_indices(answer, expected.classes) != expected.predictions.labels[rows]
    assert expected.predictions.scores is not None
    wanted = expected.predictions.scores[rows]
    is_classifier = expected.output is not Output.VALUES
    if answer.shape != wanted.shape:
        return np.full(count, LARGEST_DIFFERENCE), np.full(count, is_classifier)
    scores = answer.astype(np.float64)
    differences = _differences(scores, wanted)
    return differences, _flips(scores, wanted) if is_classifier else np.zeros(count, dtype=np.bool_)


def _shifts(answer: NDArray[np.generic], rows: slice, expected: Expected) -> list[NDArray[np.float64]]:
    """Return how far the values of a regressor lie above what is expected (rows, outputs), as a list of at most one.

    Rounding moves single rows up or down; what moves most rows the same way is no rounding, however large values are.
    """
    wanted = expected.predictions.scores
    if expected.output is not Output.VALUES or wanted is None or answer.shape != wanted[rows].shape:
        return []
    with np.errstate(invalid="ignore", over="ignore"):
        return [np.nan_to_num(answer.astype(np.float64) - wanted[rows])]


def _median_shift(shifts: list[NDArray[np.float64]]) -> float:
    if not shifts:
        return 0.0
    medians = np.median(np.concatenate(shifts), axis=0)
    return float(medians[np.abs(medians).argmax()])


def _differences(scores: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest difference of each row, always a number."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(scores == wanted, 0.0, np.abs(scores - wanted))
    largest: NDArray[np.float64] = np.nan_to_num(
        apart, nan=LARGEST_DIFFERENCE, posinf=LARGEST_DIFFERENCE, neginf=LARGEST_DIFFERENCE
    ).max(axis=1)
    return largest


def _flips(scores: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows name another class; a row whose two classes are a tie names either, one without a number none.

    One column is a decision: above zero for the second class.
    """
    if wanted.shape[1] == 1:
        scores, wanted = np.hstack([-scores, scores]), np.hstack([-wanted, wanted])
    named = np.take_along_axis(wanted, scores.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    with np.errstate(invalid="ignore"):
        is_as_good = (named == wanted.max(axis=1)) | (wanted.max(axis=1) - named <= TIE_TOLERANCE)
    flips: NDArray[np.bool_] = ~is_as_good | np.isnan(scores).any(axis=1)
    return flips


def _worst(differences: NDArray[np.float64], flips: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the numbers of the rows that differ most; another label is worse than any difference."""
    order = np.lexsort((-differences, ~flips))[:WORST_ROWS]
    return tuple(int(row) for row in order if flips[row] or differences[row] > 0)
