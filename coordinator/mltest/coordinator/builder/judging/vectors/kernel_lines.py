"""Straight lines below and above the curves of kernels, over a range of their argument. Pure.

Below a convex part lies every tangent, below a concave part the chord; where a curve turns between the ends, a tangent
that meets the other end divides the two. What is above an odd curve is below it, seen from the other side.
Source: Ranzato and Zanella 2019, "Robustness verification of support vector machines" (reduced affine forms).
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Line = tuple[Values, Values]
"""Slope and offset, an entry for each range."""
_HALVINGS = 60


class Shape(Enum):
    """How a curve bends."""

    STRAIGHT = "straight"
    CONVEX = "convex"
    CONCAVE_CONVEX = "concave, then convex"
    """Odd, and turns at 0: a power of odd degree."""
    CONVEX_CONCAVE = "convex, then concave"
    """Odd, and turns at 0: the hyperbolic tangent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a kernel makes of its argument: exp(-t), t to a power, tanh(t), or t itself."""

    kind: str
    """exp, power, tanh or identity."""
    degree: int = 1
    """Of a power."""

    @property
    def shape(self) -> Shape:
        """Return how it bends."""
        if self.kind == "exp" or (self.kind == "power" and self.degree % 2 == 0):
            return Shape.CONVEX
        if self.kind == "tanh":
            return Shape.CONVEX_CONCAVE
        return Shape.STRAIGHT if self.kind == "identity" or self.degree == 1 else Shape.CONCAVE_CONVEX

    def value(self, at: Values) -> Values:
        """Return its values."""
        match self.kind:
            case "exp":
                return np.exp(-at)
            case "tanh":
                return np.tanh(at)
            case "power":
                return at**self.degree
            case _:
                return at

    def slope(self, at: Values) -> Values:
        """Return its derivative."""
        match self.kind:
            case "exp":
                return -np.exp(-at)
            case "tanh":
                return 1.0 - np.tanh(at) ** 2
            case "power":
                return self.degree * at ** (self.degree - 1)
            case _:
                return np.ones_like(at)

    def extremes(self, low: Values, high: Values) -> tuple[Values, Values]:
        """Return its smallest and largest value over each range."""
        ends = self.value(low), self.value(high)
        least = np.where((low < 0) & (high > 0), 0.0, np.minimum(*ends)) if self._has_valley else np.minimum(*ends)
        return least, np.maximum(*ends)

    @property
    def _has_valley(self) -> bool:
        return self.kind == "power" and self.degree % 2 == 0


def line_below(curve: Curve, low: Values, high: Values, at: Values) -> Line:
    """Return a line that is nowhere above `curve` between `low` and `high`; it touches near `at` where it may."""
    match curve.shape:
        case Shape.CONVEX | Shape.STRAIGHT:
            return _tangent(curve, np.clip(at, low, high))
        case Shape.CONCAVE_CONVEX:
            first = np.where(low < 0, _turning_power(curve.degree) * -low, low)
            is_chord = (high <= 0) | (first >= high)
            touching = np.clip(at, np.minimum(first, high), high)
        case Shape.CONVEX_CONCAVE:
            last = np.where(high > 0, _last_touch(high), high)
            is_chord = (low >= 0) | (last <= low)
            touching = np.clip(at, low, np.maximum(last, low))
    return _either(is_chord, _chord(curve, low, high), _tangent(curve, touching))


def line_above(curve: Curve, low: Values, high: Values, at: Values) -> Line:
    """Return a line that is nowhere below `curve` between `low` and `high`."""
    match curve.shape:
        case Shape.CONVEX:
            return _chord(curve, low, high)
        case Shape.STRAIGHT:
            return _tangent(curve, at)
        case _:
            slope, offset = line_below(curve, -high, -low, -at)
            return slope, -offset


def _tangent(curve: Curve, at: Values) -> Line:
    slope = curve.slope(at)
    return slope, curve.value(at) - slope * at


def _chord(curve: Curve, low: Values, high: Values) -> Line:
    width = high - low
    rise = curve.value(high) - curve.value(low)
    slope = np.divide(rise, width, out=np.zeros_like(rise), where=width > 0)
    # Through the higher of both ends, each as seen along the slope: rounding does not push it below a convex curve.
    ends = curve.value(low) - slope * low, curve.value(high) - slope * high
    return slope, np.maximum(*ends) if curve.shape is Shape.CONVEX else np.minimum(*ends)


def _either(is_first: NDArray[np.bool_], first: Line, second: Line) -> Line:
    return np.where(is_first, first[0], second[0]), np.where(is_first, first[1], second[1])


def _turning_power(degree: int) -> float:
    """Return r > 0 so that the tangent of t**degree at r meets the curve at -1: (d - 1) r^d + d r^(d - 1) = 1."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_beyond = (degree - 1) * middle**degree + degree * middle ** (degree - 1) >= 1
        low, high = (low, middle) if is_beyond else (middle, high)
    return high


def _last_touch(high: Values) -> Values:
    """Return the largest p < 0 found whose tangent of tanh is not above tanh(high), for each `high` above 0."""
    end, target = np.maximum(high, 0.0), np.tanh(np.maximum(high, 0.0))
    left, right = -end - 1.0, np.zeros_like(end)
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        reached = np.tanh(middle) + (1.0 - np.tanh(middle) ** 2) * (end - middle)
        left, right = np.where(reached <= target, middle, left), np.where(reached <= target, right, middle)
    return left
