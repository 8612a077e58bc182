"""A network as a list of steps, its scores, and the gradient of whatever is made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mltest.coordinator.builder.networks.operators import Affine, Bend, Curve, MaxPool, Numbers, Operator, Relu, Shape

Pull = Callable[[Numbers], Numbers]
_MOST_ROWS = 64
"""That are computed at once: windows of images take memory."""


class Differentiable(Protocol):
    """A classifier whose gradients can be had."""

    def scores(self, rows: Numbers) -> Numbers:
        """Return scores (rows, classes), the largest of which is the label; before a softmax where there is one."""
        ...

    def gradients(self, rows: Numbers, weigh: Pull) -> tuple[Numbers, Numbers]:
        """Return scores (rows, classes) and gradients (rows, features).

        `weigh` returns the gradient of a loss by the scores (rows, classes); it sees some rows at a time, in order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One operator, and the numbers of the steps that it reads; 0 is the row itself, step i gives number i + 1."""

    operator: Operator
    reads: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A network; the last step gives the scores (rows, classes)."""

    feature_count: int
    steps: tuple[Step, ...]
    shapes: tuple[Shape, ...]
    """Of one row of each value, the row itself first."""
    unit: float
    """Relative error of one operation of the model itself: 2^-24 for float32, 2^-53 for float64."""

    def values(self, rows: Numbers) -> list[Numbers]:
        """Return every value for `rows` (rows, features), the rows themselves first."""
        found = [rows]
        for step in self.steps:
            found.append(step.operator.forward(*(found[number] for number in step.reads)))
        return found

    def scores(self, rows: Numbers) -> Numbers:
        """Return scores (rows, classes)."""
        parts = [self.values(rows[first : first + _MOST_ROWS])[-1] for first in range(0, len(rows), _MOST_ROWS)]
        return np.concatenate(parts)

    def gradients(self, rows: Numbers, weigh: Pull) -> tuple[Numbers, Numbers]:
        """Return scores and gradients, see `Differentiable`."""
        scores, gradients = [], []
        for first in range(0, len(rows), _MOST_ROWS):
            values = self.values(rows[first : first + _MOST_ROWS])
            scores.append(values[-1])
            gradients.append(self._pulled(values, weigh(values[-1])))
        return np.concatenate(scores), np.concatenate(gradients)

    def _pulled(self, values: Sequence[Numbers], gradient: Numbers) -> Numbers:
        waiting: dict[int, Numbers] = {len(self.steps): gradient}
        for number in range(len(self.steps), 0, -1):
            if number not in waiting:
                continue
            step, given = self.steps[number - 1], waiting.pop(number)
            for read, part in zip(step.reads, self._parts(step, values, given, number), strict=True):
                waiting[read] = waiting[read] + part if read in waiting else part
        return waiting.get(0, np.zeros_like(values[0]))

    def _parts(self, step: Step, values: Sequence[Numbers], gradient: Numbers, number: int) -> tuple[Numbers, ...]:
        if isinstance(step.operator, Bend):
            return (step.operator.pull(gradient, values[step.reads[0]], values[number]),)
        return step.operator.pull(gradient, [self.shapes[read] for read in step.reads])


def program_of(feature_count: int, steps: Sequence[Step], *, unit: float = 2.0**-24) -> Program:
    """Return the program of `steps`; shapes are those that one row of zeros takes.

    Raises:
        ValueError: they do not fit together, or the last gives no (rows, classes).

    """
    values = [np.zeros((1, feature_count))]
    for step in steps:
        values.append(step.operator.forward(*(values[number] for number in step.reads)))
    if values[-1].ndim != 2:
        raise ValueError("its scores are not (rows, classes)")
    return Program(
        feature_count=feature_count,
        steps=tuple(steps),
        shapes=tuple(value.shape[1:] for value in values),
        unit=unit,
    )


__all__ = ["Affine", "Curve", "Differentiable", "MaxPool", "Program", "Relu", "Step", "program_of"]
