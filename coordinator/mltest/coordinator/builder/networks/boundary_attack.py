"""An attack that looks for the smallest change: along the boundary of two classes, drawn to the row itself.

Source: Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack" (FAB), in its
targeted form.
"""

import numpy as np

from mltest.coordinator.builder.networks.ball import Ball
from mltest.coordinator.builder.networks.gradient_attacks import Found, HasTime, Target, towards_each
from mltest.coordinator.builder.networks.losses import Labels, margins
from mltest.coordinator.builder.networks.operators import Numbers

_MOST_TO_ROW = 0.1
"""Largest share of a step that is made from the row itself."""
_BEYOND = 1.05
"""How far steps reach, in distances to the boundary."""
_BACK = 0.9
"""Where to go on from a find, between the row and it."""
_FARTHEST = 16.0
"""In radii: how far a step goes at most."""
_HALVINGS = 30
"""Of the distance to the boundary: to a billionth."""


def fab_t(target: Target, *, aims: int, steps: int, random: np.random.Generator, has_time: HasTime) -> Found:
    """Return what FAB finds within the boxes, towards each of the `aims` best other classes."""

    def towards(part: Target, to: Labels) -> Found:
        return _fab(part, to, steps=steps, random=random, has_time=has_time)

    return towards_each(target, aims, towards)


def _fab(target: Target, aims: Labels, *, steps: int, random: np.random.Generator, has_time: HasTime) -> Found:
    ball = target.ball
    rows, best, found = ball.centres, np.array(ball.centres), np.full(len(aims), np.inf)
    points = ball.inside(rows + random.uniform(-0.5, 0.5, rows.shape) * ball.half)
    for _ in range(steps):
        if (found < 0).all() or not has_time():
            return Found(best, found, is_finished=bool((found < 0).all()))
        gaps, slopes, _ = target.climb(points, _gap, aims)
        to_row = gaps + ((rows - points) * slopes).sum(axis=1)
        from_points = _to_boundary(ball, points, -gaps, slopes)
        from_rows = _to_boundary(ball, rows, -to_row, slopes)
        far, near = _radii(ball, from_points), _radii(ball, from_rows)
        share = np.minimum(far / np.maximum(far + near, 1e-300), _MOST_TO_ROW)[:, None]
        moved = (1 - share) * (points + _BEYOND * from_points) + share * (rows + _BEYOND * from_rows)
        points = np.clip(moved, *_ends(ball))
        left = margins(target.network.scores(points), target.labels)
        is_within = (left < 0) & (_radii(ball, points - rows) <= 1) & (left < found)
        best[is_within], found[is_within] = points[is_within], left[is_within]
        points = np.where((left < 0)[:, None], rows + _BACK * (points - rows), points)
    return Found(best, found, is_finished=True)


def _gap(scores: Numbers, labels: Labels, aims: Labels) -> tuple[Numbers, Numbers]:
    """Return by how much the score of the aim is above that of the label, and its gradient."""
    rows, gradient = np.arange(len(scores)), np.zeros(scores.shape)
    gradient[rows, aims] += 1.0
    gradient[rows, labels] -= 1.0
    return scores[rows, aims] - scores[rows, labels], gradient


def _to_boundary(ball: Ball, points: Numbers, wanted: Numbers, slopes: Numbers) -> Numbers:
    """Return the smallest changes that the linear model needs to rise by `wanted` (rows,), within the data's range.

    Every column moves by the same share of its half width, but for those that reach an end before: what is gained grows
    with that share, which is halved in on. Where nothing suffices, it is the largest.
    """
    least, most = (end - points for end in _ends(ball))
    along = np.sign(slopes) * np.sign(wanted)[:, None] * ball.half
    low, high = np.zeros(len(points)), np.full(len(points), _FARTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        gained = (np.clip(middle[:, None] * along, least, most) * slopes).sum(axis=1)
        is_enough = np.abs(gained) >= np.abs(wanted)
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    return np.clip(high[:, None] * along, least, most)


def _ends(ball: Ball) -> tuple[Numbers, Numbers]:
    """Return the smallest and the largest value of each column of each row, however far away."""
    return np.minimum(ball.low, ball.centres), np.maximum(ball.high, ball.centres)


def _radii(ball: Ball, changes: Numbers) -> Numbers:
    """Return how large `changes` (rows, features) are (rows,), in radii."""
    shares = np.abs(changes) / np.where(ball.half > 0, ball.half, 1.0)
    return np.asarray(shares.max(axis=1))
