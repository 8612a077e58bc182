"""The rows that a transform may look at: one half of the validation rows, so that the other half still judges it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.row_sample import sampled_rows
from mltest.shared.domain import Task
from mltest.shared.native.outputs import NativeModel

SELECTED_ON = "selected_on"
"""Option of an artifact that was made by looking at validation rows: how many, and how they were drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows by which choices are made."""

    rows: NDArray[np.floating]
    """(rows, features), as the model gets them."""
    target: NDArray[np.float64]
    """(rows, outputs): the value, or one column for each class with a 1 where the row belongs; without true values
    what the model itself says."""
    described: str
    """For `SELECTED_ON`."""

    def options(self) -> Mapping[str, str]:
        """Return what an artifact says of it."""
        return {SELECTED_ON: self.described}

    def at_most(self, row_count: int) -> "Selection":
        """Return no more than `row_count` of the rows, spread evenly."""
        if len(self.rows) <= row_count:
            return self
        picked = np.linspace(0, len(self.rows) - 1, row_count).astype(np.int64)
        described = f"{row_count} of those {self.described}"
        return replace(self, rows=self.rows[picked], target=self.target[picked], described=described)


def selection_positions(row_count: int, truth: NDArray[np.generic] | None, seed: int) -> NDArray[np.int64]:
    """Return the positions of the half by which choices are made, ascending; the others judge.

    `truth` (rows,) of integers keeps the shares of the classes equal in both halves.
    """
    classes = truth.astype(np.int64) if truth is not None and truth.dtype.kind in "iu" else None
    return sampled_rows(row_count, (row_count + 1) // 2, seed, classes)


def read_selection(dataset: Path, native: NativeModel, *, seed: int) -> Selection:
    """Read the selection half of the canonical dataset (npz with X and, where given, y)."""
    with np.load(dataset, allow_pickle=False) as arrays:
        rows, truth = arrays["X"], arrays.get("y")
    picked = selection_positions(len(rows), truth, seed)
    judged_by = "" if truth is not None else ", by what the model says of them"
    described = f"{len(picked)} of {len(rows)} rows, seed {seed}{judged_by}"
    prepared = native.prepare(rows[picked])
    target = _own_answers(native, prepared) if truth is None else _target(native, truth[picked])
    return Selection(rows=prepared, target=target, described=described)


def _target(native: NativeModel, truth: NDArray[np.generic]) -> NDArray[np.float64]:
    if native.task is Task.CLASSIFICATION:
        return np.eye(len(native.classes))[truth.astype(np.int64)]
    return truth.astype(np.float64).reshape(len(truth), -1)


def _own_answers(native: NativeModel, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    predictions = native.predictions(rows)
    if native.task is Task.REGRESSION or predictions.are_probabilities:
        assert predictions.scores is not None
        return predictions.scores
    assert predictions.labels is not None
    return np.eye(len(native.classes))[predictions.labels]
