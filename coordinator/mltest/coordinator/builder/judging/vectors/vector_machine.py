"""A support vector machine of libsvm as sums over its vectors, and bounds of them over a box. Pure.

A sum is weights @ kernel(vectors, x) + offset. Every kernel is a curve of an argument whose exact range over a box is
known: of the squared distance (rbf), or of a product with x. With a line in place of each curve the sum is quadratic or
linear in each coordinate alone, and its least value over the box is exact.
Source: Ranzato and Zanella 2019, "Robustness verification of support vector machines".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.vectors.kernel_lines import Curve, Line, line_above, line_below

Values = NDArray[np.float64]

_ROUNDING = 1e-9
"""Of the largest sum that there can be: libsvm adds in float64."""
_TOUCHES = 3
"""Times that the lines are laid anew, where the sum with the lines before was least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Of libsvm."""

    name: str
    """linear, poly, rbf or sigmoid."""
    gamma: float = 1.0
    coef0: float = 0.0
    degree: int = 1

    @property
    def curve(self) -> Curve:
        """Return what it makes of its argument."""
        match self.name:
            case "rbf":
                return Curve(kind="exp")
            case "sigmoid":
                return Curve(kind="tanh")
            case "poly":
                return Curve(kind="power", degree=self.degree)
            case _:
                return Curve(kind="identity")

    def arguments(self, vectors: Values, rows: Values) -> Values:
        """Return what the curve is taken of: (rows, vectors)."""
        if self.name != "rbf":
            products: Values = self._scale * (rows @ vectors.T) + self._shift
            return products
        squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ vectors.T + (vectors**2).sum(axis=1)
        found: Values = self.gamma * np.maximum(squares, 0.0)
        return found

    def slopes(self, vectors: Values, weights: Values, rows: Values) -> Values:
        """Return how the sum changes with each coordinate: (rows, columns)."""
        factors = self.curve.slope(self.arguments(vectors, rows)) * weights
        if self.name != "rbf":
            of_product: Values = self._scale * (factors @ vectors)
            return of_product
        slopes: Values = 2 * self.gamma * (rows * factors.sum(axis=1, keepdims=True) - factors @ vectors)
        return slopes

    @property
    def _scale(self) -> float:
        return 1.0 if self.name == "linear" else self.gamma

    @property
    def _shift(self) -> float:
        return 0.0 if self.name == "linear" else self.coef0


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSum:
    """One decision value of a machine."""

    kernel: Kernel
    vectors: Values
    """(vectors, columns)."""
    weights: Values
    """(vectors,)."""
    offset: float
    pair: tuple[int, int] = (0, 1)
    """Classes between which it decides: above 0 is the first. Of a regressor without meaning."""

    def values(self, rows: Values) -> Values:
        """Return it for each of `rows` (rows, columns)."""
        found: Values = self.kernel.curve.value(self.kernel.arguments(self.vectors, rows)) @ self.weights + self.offset
        return found

    def slopes(self, rows: Values) -> Values:
        """Return its gradient: (rows, columns)."""
        return self.kernel.slopes(self.vectors, self.weights, rows)

    def bounds(self, centre: Values, reach: Values) -> tuple[float, float]:
        """Return a number that it is never below, and one that it is never above, within `reach` of `centre`."""
        return self._least(self.weights, centre, reach) + self.offset, self.offset - self._least(
            -self.weights, centre, reach
        )

    def _least(self, weights: Values, centre: Values, reach: Values) -> float:
        low, high = _ranges(self.kernel, self.vectors, centre, reach)
        least, most = self.kernel.curve.extremes(low, high)
        by_ranges = float(np.where(weights > 0, weights * least, weights * most).sum())
        slack = _ROUNDING * (
            float((np.abs(weights) * np.maximum(np.abs(least), np.abs(most))).sum()) + abs(self.offset)
        )
        best, at = by_ranges, np.clip(self.kernel.arguments(self.vectors, centre[None])[0], low, high)
        for _ in range(_TOUCHES):
            lines = _lines(self.kernel.curve, weights, low, high, at)
            found, place = _least_of_lines(self.kernel, self.vectors, weights, lines, centre, reach)
            best = max(best, found)
            at = np.clip((at + self.kernel.arguments(self.vectors, place[None])[0]) / 2, low, high)
        return best - slack


def _ranges(kernel: Kernel, vectors: Values, centre: Values, reach: Values) -> tuple[Values, Values]:
    """Return the exact range of each vector's argument over the box: (vectors,) each."""
    if kernel.name == "rbf":
        away = np.abs(vectors - centre)
        near = (np.maximum(away - reach, 0.0) ** 2).sum(axis=1)
        return kernel.gamma * near * (1 - 1e-12), kernel.gamma * ((away + reach) ** 2).sum(axis=1) * (1 + 1e-12)
    middle = kernel.arguments(vectors, centre[None])[0]
    width = abs(kernel._scale) * (np.abs(vectors) @ reach)
    width = width + 1e-12 * (np.abs(middle) + width)
    return middle - width, middle + width


def _lines(curve: Curve, weights: Values, low: Values, high: Values, at: Values) -> Line:
    """Return for each vector the line that bounds the sum from below: above its curve where its weight is negative."""
    below, above = line_below(curve, low, high, at), line_above(curve, low, high, at)
    return np.where(weights > 0, below[0], above[0]), np.where(weights > 0, below[1], above[1])


def _least_of_lines(
    kernel: Kernel, vectors: Values, weights: Values, lines: Line, centre: Values, reach: Values
) -> tuple[float, Values]:
    """Return the least value of the sum of lines over the box, and where it is; from the centre, to lose no digits."""
    factors, constant = weights * lines[0], float((weights * lines[1]).sum())
    if kernel.name != "rbf":
        slopes = kernel._scale * (factors @ vectors)
        change = -np.sign(slopes) * reach
        start = float(factors @ kernel.arguments(vectors, centre[None])[0])
        return constant + start - float(np.abs(slopes) @ reach), centre + change
    away = vectors - centre
    square, linear = kernel.gamma * float(factors.sum()), kernel.gamma * (factors @ away)
    start = kernel.gamma * float(factors @ (away**2).sum(axis=1))
    change = _least_change(square, linear, reach)
    return constant + start + float((square * change**2 - 2 * linear * change).sum()), centre + change


def _least_change(square: float, linear: Values, reach: Values) -> Values:
    """Return where square * z**2 - 2 * linear * z is least for |z| <= reach, for each coordinate."""
    if square > 0:
        return np.clip(linear / square, -reach, reach)
    return np.where(linear > 0, reach, -reach)


def vector_sums(final: Any) -> list[VectorSum]:
    """Return the decision values of an sklearn.svm.SVC, NuSVC, SVR or NuSVR; of classes, pair by pair."""
    kernel = Kernel(
        name=final.kernel, gamma=float(getattr(final, "_gamma", 1.0)), coef0=final.coef0, degree=int(final.degree)
    )
    vectors, duals = np.asarray(final.support_vectors_, dtype=np.float64), np.asarray(final.dual_coef_)
    offsets = np.asarray(final.intercept_, dtype=np.float64)
    if not hasattr(final, "classes_"):
        return [VectorSum(kernel=kernel, vectors=vectors, weights=duals[0], offset=float(offsets[0]))]
    # scikit-learn turns the signs of two classes around.
    sign = -1.0 if len(final.classes_) == 2 else 1.0
    ends = np.cumsum(final.n_support_)
    of_class = [np.arange(end - count, end) for end, count in zip(ends, final.n_support_, strict=True)]
    pairs = [(one, other) for one in range(len(of_class)) for other in range(one + 1, len(of_class))]
    return [
        VectorSum(
            kernel=kernel,
            vectors=vectors[np.r_[of_class[one], of_class[other]]],
            weights=sign * np.r_[duals[other - 1, of_class[one]], duals[one, of_class[other]]],
            offset=float(sign * offsets[number]),
            pair=(one, other),
        )
        for number, (one, other) in enumerate(pairs)
    ]


def voted(sums: list[VectorSum], rows: Values, class_count: int) -> NDArray[np.int64]:
    """Return the labels (rows,) that the votes of all pairs give; the first of those with most votes."""
    votes = np.zeros((len(rows), class_count), dtype=np.int64)
    for one in sums:
        is_first = one.values(rows) > 0
        votes[is_first, one.pair[0]] += 1
        votes[~is_first, one.pair[1]] += 1
    labels: NDArray[np.int64] = votes.argmax(axis=1)
    return labels


def is_certain(sums: list[VectorSum], label: int, class_count: int, centre: Values, reach: Values) -> bool:
    """Return whether no point within `reach` (columns,) of `centre` can get another label."""
    least, most = np.zeros(class_count, dtype=np.int64), np.zeros(class_count, dtype=np.int64)
    for one in sums:
        low, high = one.bounds(centre, reach)
        first, second = one.pair
        least[first] += low > 0
        least[second] += high <= 0
        most[first] += high > 0
        most[second] += low <= 0
    return all(
        least[label] > most[other] or (least[label] == most[other] and label < other)
        for other in range(class_count)
        if other != label
    )
