"""What a `ModelTest` sees; exists in the builder's child only."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import DatasetInfo, ModelInfo, Result
from mltest.shared.native.outputs import NativeModel
from mltest.shared.native.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvidence:
    """The model as submitted, and its data as they are used."""

    model: ModelInfo
    dataset: DatasetInfo
    path: Path
    """The model's file."""
    native: NativeModel | None
    """The estimator, of a skops or pickle file."""
    rows: NDArray[np.floating]
    """(rows, features)."""
    truth: NDArray[np.generic] | None
    """(rows,): int64 index into the model's classes, or float64 values; None if not given."""
    reference: Predictions
    """Of the model in its own library, for these rows."""
    predict: Callable[[NDArray[np.floating]], Predictions]
    """The model in its own library, for other rows (rows, features)."""
    columns: tuple[str, ...] = ()
    """Names of the features; empty if they have none."""
    row_shape: tuple[int, ...] = ()
    """Of a row in the file, where it is more than features: (height, width) or (channels, height, width)."""
    training: tuple[NDArray[np.floating], NDArray[np.generic]] | None = None
    """Rows and true values that the model was trained with, as `rows` and `truth`; None if not given."""
    started_s: float = field(default_factory=time.monotonic)
    """When the test began, on the clock of `time.monotonic`."""

    def column_name(self, position: int) -> str:
        """Return the name of a feature, or its number from 0."""
        return self.columns[position] if position < len(self.columns) else str(position)

    def has_time(self, budget_s: float) -> bool:
        """Return whether less than `budget_s` has passed since the test began."""
        return time.monotonic() - self.started_s < budget_s


class Facts:
    """The results of one test on the model and its data."""

    def __init__(self, test: str, count: int = 0) -> None:
        """Collect for `test`; `count` is the number of raw values behind each result that says no other."""
        self.results: list[Result] = []
        self._test = test
        self._count = count

    def add(
        self,
        metric: str,
        value: float | None,
        *,
        statistic: str = "value",
        label: str = "",
        interval: tuple[float, float] | None = None,
        count: int | None = None,
        reason: str = "",
    ) -> None:
        """Add one result; `reason` says why there is no value."""
        low, high = interval or (None, None)
        self.results.append(
            Result(
                candidate_id="",
                test=self._test,
                metric=metric,
                statistic=statistic,
                label=label,
                value=None if value is None else float(value),
                low=low,
                high=high,
                count=self._count if count is None else count,
                reason=reason,
            )
        )
