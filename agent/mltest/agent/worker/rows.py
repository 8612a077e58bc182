"""The rows that a worker feeds; imported in workers only."""

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import DataInvalidError, DataMismatchError

COUNTED_ROWS = 20_000
"""Distinct rows are counted among the first of them."""


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """How many different rows there are."""

    count: int
    effective: float
    """As many rows, each as frequent as the others, would be as varied: one divided by the probability that two rows,
    drawn with replacement, are equal (inverse Simpson index). As `count` where no row is there twice, but 1.1 where all
    rows but 500 are copies of one."""


def load_rows(path: Path, feature_count: int) -> NDArray[np.floating]:
    """Return X (rows, features) of the npz at `path`; pickled content is refused.

    Raises:
        DataInvalidError: it is not such a file, or X is not a table of real numbers with a row.
        DataMismatchError: it has not `feature_count` columns.

    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            rows: NDArray[np.floating] = arrays["X"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataInvalidError(detail=f"the agent cannot read X from it ({error})") from error
    if rows.ndim != 2 or not rows.size or not np.issubdtype(rows.dtype, np.floating):
        raise DataInvalidError(detail=f"X has shape {rows.shape} and type {rows.dtype}, not rows of real numbers")
    if rows.shape[1] != feature_count:
        raise DataMismatchError(detail=f"X has {rows.shape[1]} columns, the model takes {feature_count}")
    return rows


def distinct_rows(rows: NDArray[np.floating]) -> DistinctRows:
    """Return how many of `rows` (rows, features), of the first 20,000, differ."""
    # Adding zero makes one of the two zeros, which compare equal and differ in a bit.
    counts = Counter(hash((row + 0).tobytes()) for row in rows[:COUNTED_ROWS]).values()
    total = sum(counts)
    return DistinctRows(len(counts), total * total / sum(count * count for count in counts))


def batches_of(rows: NDArray[np.floating], batch_size: int) -> list[NDArray[np.floating]]:
    """Return contiguous batches that cover all rows: views, and a copy where the last one goes on at the first row.

    Fewer rows than `batch_size` are repeated in a circle.
    """
    count = len(rows)
    whole = [rows[start : start + batch_size] for start in range(0, count - batch_size + 1, batch_size)]
    if count % batch_size == 0:
        return whole
    start = len(whole) * batch_size
    return [*whole, np.take(rows, np.arange(start, start + batch_size), axis=0, mode="wrap")]
