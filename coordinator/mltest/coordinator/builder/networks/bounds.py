"""Sound linear bounds of networks: what a margin is at least, whatever the row in its box.

Source: Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions"
(CROWN), for any graph of the operators here. Curves are bounded as in Singh et al. 2019, "An abstract domain for
certifying neural networks". Intervals come first; they are improved by linear bounds where they do not decide a bend.
The rounding errors of the model itself are bounded beside, after Higham 2002, section 3.1, for any order of its sums.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.networks.operators import Bend, Curve, MaxPool, Numbers, Operator, Relu
from mltest.coordinator.builder.networks.program import Program, Step
from mltest.coordinator.builder.networks.relaxation import Relaxation, relaxed

_MOST_NUMBERS = 1 << 22
"""Of one array of coefficients that is kept at once."""
_MOST_REFINED = 2048
"""Values of one row in front of a bend; more are bounded by intervals only."""
_LINK_ERRORS = 16
"""Units of error, of the largest score, by which probabilities err that a model compares where we compare scores."""


@dataclass(frozen=True, slots=True)
class Box:
    """Rows between `low` and `high`, each (rows, features)."""

    low: Numbers
    high: Numbers

    @property
    def centre(self) -> Numbers:
        """Return the middle."""
        return (self.low + self.high) / 2

    @property
    def reach(self) -> Numbers:
        """Return the distance of the ends from it."""
        return (self.high - self.low) / 2


def least_margins(program: Program, box: Box, labels: NDArray[np.int64]) -> Numbers:
    """Return by how much the label's score is above each other one at least (rows,), rounding errors taken off.

    Above 0, the model gives the label for every row of the box.
    """
    return LinearBounds(program, box).least_margins(labels)


class LinearBounds:
    """Bounds of every value of a program within boxes."""

    def __init__(self, program: Program, box: Box) -> None:
        self._program = program
        self._box = box
        self.lows: list[Numbers] = [box.low]
        self.highs: list[Numbers] = [box.high]
        self.errors: list[Numbers] = [np.maximum(np.abs(box.low), np.abs(box.high)) * program.unit]
        """How far the model's own value can be from the exact one."""
        self._relaxations: dict[int, Relaxation] = {}
        for number, step in enumerate(program.steps, start=1):
            self._follow(number, step)

    def least_margins(self, labels: NDArray[np.int64]) -> Numbers:
        """Return the least margins of `labels` (rows,)."""
        last, classes = len(self._program.steps), self._program.shapes[-1][0]
        rows, others = _pairs_of_others(labels, classes)
        weights = np.zeros((len(rows), classes))
        weights[np.arange(len(rows)), labels[rows]] = 1.0
        weights[np.arange(len(rows)), others] = -1.0
        least = self.lower(last, weights, rows)
        error = self.errors[last]
        size = np.maximum(np.abs(self.lows[last]), np.abs(self.highs[last])).max(axis=1)
        link = _LINK_ERRORS * self._program.unit * np.maximum(1.0, size[rows])
        least = least - error[rows, labels[rows]] - error[rows, others] - link
        return np.asarray(least.reshape(len(labels), classes - 1).min(axis=1))

    def lower(self, number: int, weights: Numbers, rows: NDArray[np.int64]) -> Numbers:
        """Return what `weights` (sums, *shape) times the value `number` of `rows` (sums,) is at least (sums,)."""
        widest = max(int(np.prod(shape)) for shape in self._program.shapes)
        chunk = max(1, _MOST_NUMBERS // widest)
        parts = [
            self._lower(number, weights[first : first + chunk], rows[first : first + chunk])
            for first in range(0, len(rows), chunk)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _lower(self, number: int, weights: Numbers, rows: NDArray[np.int64]) -> Numbers:
        waiting, least = {number: weights}, np.zeros(len(rows))
        for current in range(number, 0, -1):
            if current not in waiting:
                continue
            step, given = self._program.steps[current - 1], waiting.pop(current)
            shapes = [self._program.shapes[read] for read in step.reads]
            if isinstance(step.operator, Bend):
                part, constant = self._relaxations[current].pull(given, rows)
                parts: tuple[Numbers, ...] = (part,)
            else:
                parts = step.operator.pull(given, shapes)
                nothing = step.operator.forward(*(np.zeros((1, *shape)) for shape in shapes))
                constant = (given * nothing).reshape(len(rows), -1).sum(axis=1)
            least += constant
            for read, found in zip(step.reads, parts, strict=True):
                waiting[read] = waiting[read] + found if read in waiting else found
        slopes = waiting.get(0, np.zeros((len(rows), self._program.feature_count)))
        return np.asarray(
            least + (slopes * self._box.centre[rows]).sum(axis=1) - (np.abs(slopes) * self._box.reach[rows]).sum(axis=1)
        )

    def _follow(self, number: int, step: Step) -> None:
        if isinstance(step.operator, Bend):
            (read,) = step.reads
            self._refine(read, step.operator)
            self._relaxations[number] = relaxed(step.operator, self.lows[read], self.highs[read])
            self.lows.append(step.operator.forward(self.lows[read]))
            self.highs.append(step.operator.forward(self.highs[read]))
            self.errors.append(_bent_error(step.operator, self.errors[read], self._program.unit))
            return
        operator = step.operator
        size = operator.absolute(has_bias=False)
        low, high = ([found[read] for read in step.reads] for found in (self.lows, self.highs))
        middle = operator.forward(*((one + other) / 2 for one, other in zip(low, high, strict=True)))
        reach = size.forward(*((other - one) / 2 for one, other in zip(low, high, strict=True)))
        self.lows.append(middle - reach)
        self.highs.append(middle + reach)
        largest = [
            np.maximum(np.abs(one), np.abs(other)) + self.errors[read]
            for one, other, read in zip(low, high, step.reads, strict=True)
        ]
        carried = size.forward(*(self.errors[read] for read in step.reads))
        made = operator.absolute(has_bias=True).forward(*largest)
        self.errors.append(carried + _gamma(operator.fan_in, self._program.unit) * made)

    def _refine(self, read: int, operator: Operator) -> None:
        """Improve the bounds of what a bend reads where they do not decide it, by linear ones."""
        low, high = self.lows[read], self.highs[read]
        if read == 0 or int(np.prod(low.shape[1:])) > _MOST_REFINED:
            return
        is_open = (low < 0) & (high > 0) if isinstance(operator, Relu) else low < high
        rows, places = np.nonzero(is_open.reshape(len(low), -1))
        chunk = max(1, _MOST_NUMBERS // int(np.prod(low.shape[1:])))
        for sign, kept, better in ((1.0, low, np.maximum), (-1.0, high, np.minimum)):
            flat = kept.reshape(len(low), -1)
            for first in range(0, len(rows), chunk):
                part = slice(first, first + chunk)
                weights = np.zeros((len(rows[part]), flat.shape[1]))
                weights[np.arange(len(weights)), places[part]] = sign
                found = sign * self.lower(read, weights.reshape(len(weights), *low.shape[1:]), rows[part])
                flat[rows[part], places[part]] = better(flat[rows[part], places[part]], found)
            kept[...] = flat.reshape(kept.shape)


def _pairs_of_others(labels: NDArray[np.int64], classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row with each class that is not its label."""
    rows = np.repeat(np.arange(len(labels)), classes)
    others = np.tile(np.arange(classes), len(labels))
    is_other = others != labels[rows]
    return rows[is_other], others[is_other]


def _gamma(count: int, unit: float) -> float:
    """Return the relative error of a sum of `count` products; once more for our own arithmetic."""
    return 2 * (count + 2) * unit / (1 - (count + 2) * unit) if count else 0.0


def _bent_error(operator: Bend, error: Numbers, unit: float) -> Numbers:
    """Return the error behind a bend, none of which is steeper than 1."""
    if isinstance(operator, MaxPool):
        return operator.forward(error)
    # Libraries approximate curves by polynomials.
    return error + (64 * unit if isinstance(operator, Curve) else 0.0)
