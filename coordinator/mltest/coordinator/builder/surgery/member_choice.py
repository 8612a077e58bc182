"""In which order the members of an averaging ensemble are kept. Pure: arrays in, positions out.

`outputs` is (members, rows, outputs) float32: class probabilities, or values. `target` is (rows, outputs).
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Task

Outputs: TypeAlias = NDArray[np.float32]


def by_quality(outputs: Outputs, target: NDArray[np.float64], count: int, task: Task) -> list[int]:
    """Return the `count` members that are best alone: by wrong labels, then by squared error."""
    return _best_first(_errors(outputs, target, task))[:count]


def by_reduced_error(outputs: Outputs, target: NDArray[np.float64], count: int, task: Task) -> list[int]:
    """Return `count` members: from the best one on, always the one with which their mean errs least.

    Source: Margineantu and Dietterich 1997 (reduce-error pruning, without backfitting).
    """

    def errors(mean: Outputs, kept: int) -> tuple[NDArray[np.float64], ...]:
        return _errors(_with_each(mean, outputs, kept), target, task)

    return _greedy(outputs, target, count, task, errors)


def by_complementarity(outputs: Outputs, target: NDArray[np.float64], count: int, task: Task) -> list[int]:
    """Return `count` members: from the best one on, always the one that is right most often where their mean is wrong.

    Of values: the one whose errors are most opposed to those of the mean.

    Source: Martínez-Muñoz and Suárez 2004 (complementarity measure).
    """
    wanted = target.astype(np.float32)

    def errors(mean: Outputs, kept: int) -> tuple[NDArray[np.float64], ...]:
        if task is Task.REGRESSION:
            return (np.einsum("mro,ro->m", outputs - wanted, mean - wanted).astype(np.float64),)
        is_missed = mean.argmax(axis=1) != wanted.argmax(axis=1)
        is_right = outputs.argmax(axis=2) == wanted.argmax(axis=1)
        squared = _errors(_with_each(mean, outputs, kept), target, task)[-1]
        return (-(is_right & is_missed).sum(axis=1).astype(np.float64), squared)

    return _greedy(outputs, target, count, task, errors)


def _greedy(
    outputs: Outputs,
    target: NDArray[np.float64],
    count: int,
    task: Task,
    errors: Callable[[Outputs, int], tuple[NDArray[np.float64], ...]],
) -> list[int]:
    chosen = [_best_first(_errors(outputs, target, task))[0]]
    mean = outputs[chosen[0]].copy()
    while len(chosen) < count:
        taken = set(chosen)
        found = next(member for member in _best_first(errors(mean, len(chosen))) if member not in taken)
        mean = _with_each(mean, outputs[found], len(chosen))
        chosen.append(found)
    return chosen


def _with_each(mean: Outputs, outputs: Outputs, kept: int) -> Outputs:
    """Return the mean of `kept` members with each of `outputs` as one more."""
    return mean + (outputs - mean) / np.float32(kept + 1)


def _errors(outputs: Outputs, target: NDArray[np.float64], task: Task) -> tuple[NDArray[np.float64], ...]:
    """Return for each member what counts first, and what decides between equals; less is better."""
    squared = np.square(outputs - target.astype(np.float32)).mean(axis=(1, 2), dtype=np.float64)
    if task is Task.REGRESSION:
        return (squared,)
    return ((outputs.argmax(axis=2) != target.argmax(axis=1)).mean(axis=1), squared)


def _best_first(errors: tuple[NDArray[np.float64], ...]) -> list[int]:
    order: list[int] = np.lexsort(errors[::-1]).tolist()
    return order
