"""Small fitted ensembles with rows to choose by, for tests of what is taken away from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.selection import Selection


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows and what is true of them."""

    rows: NDArray[np.float64]
    truth: NDArray[Any]


def classified(row_count: int = 300, *, seed: int = 0) -> Rows:
    """Return rows of five features in three classes, with noise."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(row_count, 5))
    signal = rows[:, 0] + np.sin(2 * rows[:, 1]) + random.normal(scale=0.6, size=row_count)
    return Rows(rows, np.digitize(signal, [-0.6, 0.6]))


def valued(row_count: int = 300, *, seed: int = 0) -> Rows:
    """Return rows of five features with a value each."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(row_count, 5))
    return Rows(rows, rows[:, 0] * 3 + np.sin(2 * rows[:, 1]) + random.normal(scale=0.6, size=row_count))


def selection_of(found: Rows) -> Selection:
    """Return `found` as rows to choose by."""
    is_class = found.truth.dtype.kind in "iu"
    target = np.eye(3)[found.truth] if is_class else found.truth.reshape(len(found.truth), -1)
    return Selection(rows=found.rows, target=target)
