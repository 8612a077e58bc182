"""The rows that a transform may look at: one half of the validation rows, so that the other half still judges it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.row_sample import sampled_rows
from mltest.shared.domain import Task
from mltest.shared.native.outputs import NativeModel
from mltest.shared.native.predictions import Predictions

_SEED = 1
"""Of the halves; the rows that a job uses are drawn by the seed of its plan before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """The selection half as it stands in the dataset."""

    rows: NDArray[np.floating]
    truth: NDArray[np.generic] | None
    """(rows,): int64 positions of classes, or float64 values; None if not given."""
    described: str
    """Which rows they are: what an artifact made by them says as `SELECTED_ON`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows by which choices are made."""

    rows: NDArray[np.floating]
    """(rows, features), as the model gets them."""
    target: NDArray[np.float64]
    """(rows, outputs): the value, or one column for each class with a 1 where the row belongs; without true values
    what the model itself says."""

    def at_most(self, row_count: int) -> "Selection":
        """Return no more than `row_count` of the rows, spread evenly."""
        if len(self.rows) <= row_count:
            return self
        picked = np.linspace(0, len(self.rows) - 1, row_count).astype(np.int64)
        return replace(self, rows=self.rows[picked], target=self.target[picked])


def selection_positions(row_count: int, truth: NDArray[np.generic] | None) -> NDArray[np.int64]:
    """Return the positions of the half by which choices are made, ascending; the others judge.

    Always the same ones of a dataset. `truth` (rows,) of integers keeps the shares of the classes in both halves.
    """
    classes = truth.astype(np.int64) if truth is not None and truth.dtype.kind in "iu" else None
    return sampled_rows(row_count, (row_count + 1) // 2, _SEED, classes)


def read_half(dataset: Path) -> Half:
    """Read the selection half of the canonical dataset: npz with X (rows, features) and, where given, y."""
    with np.load(dataset, allow_pickle=False) as arrays:
        rows, truth = arrays["X"], arrays.get("y")
    picked = selection_positions(len(rows), truth)
    by_whom = "" if truth is not None else ", by what the model says of them"
    described = f"{len(picked)} of {len(rows)} rows, seed {_SEED}{by_whom}"
    return Half(rows=rows[picked], truth=None if truth is None else truth[picked], described=described)


def read_selection(dataset: Path, native: NativeModel) -> Selection:
    """Read the rows by which choices about `native` are made."""
    half = read_half(dataset)
    rows, class_count = native.prepare(half.rows), len(native.classes)
    if half.truth is None:
        return Selection(rows=rows, target=_answers(native.predictions(rows), native.task, class_count))
    return Selection(rows=rows, target=_true_values(half.truth, native.task, class_count))


def read_library_selection(path: Path, file_format: str, dataset: Path) -> Selection:
    """Read the rows by which choices are made about the model of a library of boosted trees in `path`.

    Raises:
        ConversionError: its library is not installed here.

    """
    from mltest.shared.native.libraries import open_library_model

    model, half = open_library_model(path, file_format), read_half(dataset)
    rows, facts = model.prepare(half.rows), model.facts
    if half.truth is None:
        return Selection(rows=rows, target=_answers(model.predictions(rows), facts.task, len(facts.classes)))
    return Selection(rows=rows, target=_true_values(half.truth, facts.task, len(facts.classes)))


def _true_values(truth: NDArray[np.generic], task: Task, class_count: int) -> NDArray[np.float64]:
    if task is Task.CLASSIFICATION:
        return np.eye(class_count)[truth.astype(np.int64)]
    return truth.astype(np.float64).reshape(len(truth), -1)


def _answers(predictions: Predictions, task: Task, class_count: int) -> NDArray[np.float64]:
    if task is Task.REGRESSION or predictions.are_probabilities:
        assert predictions.scores is not None
        return predictions.scores
    assert predictions.labels is not None
    return np.eye(class_count)[predictions.labels]
