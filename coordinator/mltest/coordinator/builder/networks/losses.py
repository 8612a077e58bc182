"""What gradient attacks climb, from scores (rows, classes): values (rows,) and gradients (rows, classes). Pure.

Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.networks.operators import Numbers

Labels = NDArray[np.int64]
Loss = Callable[[Numbers, Labels, Labels], tuple[Numbers, Numbers]]
"""Of scores, true labels, and the labels that are aimed at."""
_TINY = 1e-12


def margins(scores: Numbers, labels: Labels) -> Numbers:
    """Return how much the score of the label is above the best other one (rows,); below 0 it is not said."""
    own = scores[np.arange(len(scores)), labels]
    others = np.array(scores)
    others[np.arange(len(scores)), labels] = -np.inf
    return np.asarray(own - others.max(axis=1))


def cross_entropy(scores: Numbers, labels: Labels, _: Labels) -> tuple[Numbers, Numbers]:
    """Return the negative logarithm of the label's probability."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    totals = shares.sum(axis=1)
    rows = np.arange(len(scores))
    gradient = shares / totals[:, None]
    gradient[rows, labels] -= 1.0
    return np.log(totals) - shifted[rows, labels], gradient


def targeted_margin(scores: Numbers, labels: Labels, targets: Labels) -> tuple[Numbers, Numbers]:
    """Return by how much the target is above the label, as a share of what lies between the best scores.

    This is the targeted difference of logits ratio; with three classes the third score stands for the mean of the third
    and the fourth, with two there is no ratio.
    """
    rows, count = np.arange(len(scores)), scores.shape[1]
    gap = scores[rows, targets] - scores[rows, labels]
    gradient = np.zeros(scores.shape)
    gradient[rows, targets] += 1.0
    gradient[rows, labels] -= 1.0
    if count < 3:
        return gap, gradient
    order = np.argsort(-scores, axis=1, kind="stable")
    first, lower = order[:, 0], order[:, 2:4] if count > 3 else order[:, [2, 2]]
    spread = scores[rows, first] - scores[rows[:, None], lower].mean(axis=1) + _TINY
    slope = np.zeros(scores.shape)
    slope[rows, first] += 1.0
    for place in (0, 1):
        slope[rows, lower[:, place]] -= 0.5
    return gap / spread, gradient / spread[:, None] - (gap / spread**2)[:, None] * slope
