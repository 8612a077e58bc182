"""Intervals of any metric by the bootstrap over rows: a metric is a function of how often each row was drawn.

Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", percentile intervals.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Figure = tuple[str, str, str]
"""Metric, statistic and label, as a result has them."""
Counts = NDArray[np.float64]
"""(resamples, rows): how often a row was drawn; all ones are the data as they are."""
Interval = tuple[float, float]

_CHUNK_VALUES = 2_000_000
"""Of the counts that are held at once: 16 MB."""
_MOST_DRAWN = 2_000_000
"""Rows that are drawn altogether, unless that made fewer than so many resamples:"""
_LEAST_RESAMPLES = 200
_DEFINED_SHARE = 0.9
"""Of the resamples that must have a value; else there is no interval."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Some figures that are computed together."""

    figures: tuple[Figure, ...]
    of: Callable[[Counts], NDArray[np.float64]]
    """Counts (resamples, rows) to values (resamples, figures); NaN where one is not defined."""


def points(measures: Sequence[Measure], row_count: int) -> dict[Figure, float]:
    """Return the figures of the data as they are, those that are not defined left out."""
    ones = np.ones((1, row_count))
    found = ((figure, value) for one in measures for figure, value in zip(one.figures, one.of(ones)[0], strict=True))
    return {figure: float(value) for figure, value in found if np.isfinite(value)}


def resampled(
    measures: Sequence[Measure], row_count: int, *, resamples: int, seed: int
) -> dict[Figure, NDArray[np.float64]]:
    """Return the values (resamples,) of each figure; the same seed draws the same rows for every set of measures.

    Of many rows fewer resamples are drawn: no more than 200 from 10,000 rows on.
    """
    resamples = min(resamples, max(_LEAST_RESAMPLES, _MOST_DRAWN // max(row_count, 1)))
    figures = [figure for measure in measures for figure in measure.figures]
    chunks = [
        np.concatenate([measure.of(counts) for measure in measures], axis=1)
        for counts in (_drawn(row_count, resamples, seed) if measures else ())
    ]
    values = np.concatenate(chunks) if chunks else np.empty((0, len(figures)))
    return {figure: values[:, position] for position, figure in enumerate(figures)}


def intervals(values: Mapping[Figure, NDArray[np.float64]]) -> dict[Figure, Interval]:
    """Return the 95 % percentile interval of each figure that is defined in nearly every resample."""
    found = {figure: interval_of(of_figure) for figure, of_figure in values.items()}
    return {figure: interval for figure, interval in found.items() if interval is not None}


def interval_of(values: NDArray[np.float64]) -> Interval | None:
    """Return the 95 % percentile interval of `values` (resamples,); None if too few of them are defined."""
    defined = values[np.isfinite(values)]
    if not len(defined) or len(defined) < _DEFINED_SHARE * len(values):
        return None
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)


def grouped_sums(counts: Counts, groups: NDArray[np.int64], group_count: int) -> NDArray[np.float64]:
    """Return the sum of `counts` (resamples, rows) over the rows of each group: (resamples, groups)."""
    order = np.argsort(groups, kind="stable")
    found, starts = np.unique(groups[order], return_index=True)
    sums = np.zeros((len(counts), group_count))
    if len(found):
        sums[:, found] = np.add.reduceat(counts[:, order], starts, axis=1)
    return sums


def _drawn(row_count: int, resamples: int, seed: int) -> Iterator[Counts]:
    random = np.random.default_rng(seed)
    size = max(1, _CHUNK_VALUES // row_count)
    for start in range(0, resamples, size):
        chunk = min(size, resamples - start)
        drawn = random.integers(0, row_count, size=(chunk, row_count))
        flat = drawn + row_count * np.arange(chunk)[:, None]
        counts = np.bincount(flat.ravel(), minlength=chunk * row_count)
        yield counts.reshape(chunk, row_count).astype(np.float64)
