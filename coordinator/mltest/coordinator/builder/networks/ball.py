"""What a change may be: within a share of each column's range of the row, and in the range of the data."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.networks.operators import Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """Boxes around rows (rows, features)."""

    centres: Numbers
    half: Numbers
    """(features,): the largest change of each column."""
    low: Numbers
    """(features,): no value gets below, or below its own."""
    high: Numbers

    @property
    def bottom(self) -> Numbers:
        """Return the smallest value of each column of each row."""
        return np.maximum(self.centres - self.half, np.minimum(self.low, self.centres))

    @property
    def top(self) -> Numbers:
        """Return the largest one."""
        return np.minimum(self.centres + self.half, np.maximum(self.high, self.centres))

    def of(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Ball":
        """Return the boxes around some of the rows."""
        return replace(self, centres=self.centres[rows])

    def inside(self, points: Numbers) -> Numbers:
        """Return the nearest points of the boxes."""
        return np.clip(points, self.bottom, self.top)

    def rounded(self, points: Numbers, dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
        """Return `points` as rows of data, of `dtype`, none of which rounding put outside."""
        found = self.inside(points).astype(dtype)
        up, down = np.array(np.inf, dtype=dtype), np.array(-np.inf, dtype=dtype)
        found = np.where(found.astype(np.float64) > self.top, np.nextafter(found, down), found)
        return np.where(found.astype(np.float64) < self.bottom, np.nextafter(found, up), found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """In what changes are measured."""

    ranges: Numbers
    """(features,): what a radius is a share of."""
    low: Numbers
    high: Numbers

    def ball(self, rows: Numbers, radius: float) -> Ball:
        """Return the boxes of `radius` around `rows`."""
        return Ball(centres=rows, half=self.ranges * radius, low=self.low, high=self.high)


def domain_of(rows: NDArray[np.floating], *, is_image: bool) -> Domain:
    """Return each column's range in `rows`; of images the range of all pixels, which changes do not leave."""
    width = rows.shape[1]
    if not is_image:
        return Domain(ranges=column_ranges(rows), low=np.full(width, -np.inf), high=np.full(width, np.inf))
    finite = rows[np.isfinite(rows)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return Domain(ranges=np.full(width, high - low), low=np.full(width, low), high=np.full(width, high))
