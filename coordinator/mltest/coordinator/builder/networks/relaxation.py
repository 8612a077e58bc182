"""Lines below and above a bend over an interval, with which bounds go on from its output to its input. Pure."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.networks.operators import Bend, Curve, MaxPool, Numbers, Relu


class Relaxation(Protocol):
    """Lines of every value of every row."""

    def pull(self, weights: Numbers, rows: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        """Return weights of the inputs, and a constant (sums,), which together are not above `weights` of the outputs.

        `weights` is (sums, *shape); the sums belong to `rows` (sums,).
        """
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """`low_slope x + low_shift <= y <= high_slope x + high_shift`, each (rows, *shape)."""

    low_slope: Numbers
    low_shift: Numbers
    high_slope: Numbers
    high_shift: Numbers

    def pull(self, weights: Numbers, rows: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        """Take the lower line where a weight is positive, the upper one where it is negative."""
        up, down = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
        slopes = up * self.low_slope[rows] + down * self.high_slope[rows]
        shifts = up * self.low_shift[rows] + down * self.high_shift[rows]
        return slopes, shifts.reshape(len(rows), -1).sum(axis=1)


@dataclass(frozen=True, slots=True)
class Largest:
    """A pool is not below the place with the largest lower bound, nor above the largest upper bound."""

    operator: MaxPool
    winners: Numbers
    """(rows, channels, height, width, *size): 1 in that place."""
    highs: Numbers
    """(rows, channels, height, width)."""
    is_decided: NDArray[np.bool_]
    """The same shape: that place is the largest whatever happens."""
    shape: tuple[int, ...]

    def pull(self, weights: Numbers, rows: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        """Hand on to that place what is positive or decided; count the rest at the upper bound."""
        is_handed = (weights > 0) | self.is_decided[rows]
        handed = np.where(is_handed, weights, 0.0)
        rest = np.where(is_handed, 0.0, weights * self.highs[rows])
        parts = handed[..., None, None] * self.winners[rows]
        return self.operator.windows.back(parts, self.shape), rest.reshape(len(rows), -1).sum(axis=1)


def relaxed(operator: Bend, low: Numbers, high: Numbers) -> Relaxation:
    """Return lines for `operator` where its input is between `low` and `high`, each (rows, *shape)."""
    if isinstance(operator, Relu):
        return _relu(low, high)
    if isinstance(operator, Curve):
        return _curve(operator, low, high)
    return _largest(operator, low, high)


def _relu(low: Numbers, high: Numbers) -> Lines:
    is_open = (low < 0) & (high > 0)
    chord = np.where(is_open, high / np.where(is_open, high - low, 1.0), (low >= 0).astype(np.float64))
    # The steeper of both lines through 0 that has the smaller triangle above it.
    below = np.where(is_open, (high > -low).astype(np.float64), chord)
    nothing = np.zeros(low.shape)
    return Lines(below, nothing, chord, np.where(is_open, -chord * low, 0.0))


def _curve(operator: Curve, low: Numbers, high: Numbers) -> Lines:
    """Return parallel lines through both ends, as steep as the flatter end: a curve is nowhere flatter between."""
    bottom, top = operator.forward(low), operator.forward(high)
    slope = np.minimum(operator.slope(bottom), operator.slope(top))
    return Lines(slope, bottom - slope * low, slope, top - slope * high)


def _largest(operator: MaxPool, low: Numbers, high: Numbers) -> Largest:
    winners, highs = operator.winners(low), operator.forward(high)
    others = np.where(winners > 0, -np.inf, operator.windows.of(high, -np.inf)).max(axis=(4, 5))
    return Largest(operator, winners, highs, others <= operator.forward(low), low.shape[1:])


__all__ = ["Largest", "Lines", "Relaxation", "relaxed"]
