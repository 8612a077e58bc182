"""An attack on a support vector machine that follows the slopes of its decision values; the model itself confirms it.

Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks" (projected gradient descent),
with the decision value between the row's class and another one as its aim.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.vectors.vector_machine import Values, VectorSum

Labels = Callable[[NDArray[np.floating]], NDArray[np.int64]]

_STEPS = 15
"""Of one descent."""
_STRIDES = (0.5, 0.1)
"""First and last, in shares of the radius."""
_STARTS = 3
"""One in the middle, the others at random."""
_TARGETS = 2
"""Other classes that are aimed at: those that are nearest."""
_HALVINGS = 10
_TRIES = 6
"""Radii between what is certified and what was found."""


class Space:
    """Where changes are made: in shares of column ranges, before steps that only scale."""

    def __init__(self, centre: Values, reach: Values, row: NDArray[np.floating], ranges: Values) -> None:
        """Take a row as the machine gets it, how far a change of 1 goes there, and both in the data as they are."""
        self.centre, self.reach = centre, reach
        self._row, self._ranges = row, ranges

    def inner(self, changes: Values) -> Values:
        """Return the rows (changes, columns) that the machine gets."""
        return self.centre + self.reach * changes

    def outer(self, changes: Values) -> NDArray[np.floating]:
        """Return the same as rows of the data, in their type."""
        return (self._row + changes * self._ranges).astype(self._row.dtype)

    def size(self, row: NDArray[np.floating]) -> float:
        """Return how large the change to `row` is."""
        scale = np.where(self._ranges > 0, self._ranges, 1.0)
        return float((np.abs(row.astype(np.float64) - self._row) / scale).max(initial=0.0))


def smallest_found(
    sums: Sequence[VectorSum], label: int, space: Space, ask_model: Labels, *, lower: float, upper: float, seed: int
) -> float:
    """Return the size of the smallest change that was found to change the label on the model; `upper` if none is."""
    random = np.random.default_rng(seed)
    failed = lower
    for _ in range(_TRIES):
        if not np.isfinite(upper) or upper - failed <= 0.01 * upper:
            break
        radius = (failed + upper) / 2
        found = _broken(sums, label, space, ask_model, radius, random)
        failed, upper = (failed, min(upper, found)) if found < upper else (radius, upper)
    return upper


def _broken(
    sums: Sequence[VectorSum], label: int, space: Space, ask_model: Labels, radius: float, random: np.random.Generator
) -> float:
    """Return the size of the smallest change within `radius` that changes the label, infinity if none was found."""
    changes = np.concatenate([_descended(aim, sign, space, radius, random) for aim, sign in _aims(sums, label, space)])
    is_other = ask_model(space.outer(changes)) != label
    if not is_other.any():
        return float("inf")
    return min(_halved(change, label, space, ask_model) for change in changes[is_other][:_STARTS])


def _aims(sums: Sequence[VectorSum], label: int, space: Space) -> list[tuple[VectorSum, float]]:
    """Return the decisions between the label and others, with the sign that makes them speak for the label."""
    own = [(one, 1.0 if one.pair[0] == label else -1.0) for one in sums if label in one.pair]
    own.sort(key=lambda found: found[1] * float(found[0].values(space.centre[None])[0]))
    return own[:_TARGETS]


def _descended(aim: VectorSum, sign: float, space: Space, radius: float, random: np.random.Generator) -> Values:
    changes = random.uniform(-radius, radius, size=(_STARTS, len(space.centre)))
    changes[0] = 0.0
    for stride in np.geomspace(*_STRIDES, _STEPS):
        slopes = sign * aim.slopes(space.inner(changes)) * space.reach
        changes = np.clip(changes - stride * radius * np.sign(slopes), -radius, radius)
    return changes


def _halved(change: Values, label: int, space: Space, ask_model: Labels) -> float:
    """Return the size of the smallest part of `change` for which the label is still another."""
    best, low, high = space.size(space.outer(change)), 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        row = space.outer(middle * change)
        if ask_model(row[None])[0] != label:
            best, high = min(best, space.size(row)), middle
        else:
            low = middle
    return best
