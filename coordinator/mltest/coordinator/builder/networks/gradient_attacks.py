"""Attacks that follow gradients: projected gradient descent, and its form without a step size to choose.

Sources: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks" (PGD); Croce & Hein 2020,
"Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks" (APGD).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.networks.ball import Ball
from mltest.coordinator.builder.networks.losses import Labels, Loss, cross_entropy, margins, targeted_margin
from mltest.coordinator.builder.networks.operators import Numbers
from mltest.coordinator.builder.networks.program import Differentiable

HasTime = Callable[[], bool]
_PGD_REACH = 2.5
"""How far the steps of PGD reach together, in radii."""
_MOMENTUM = 0.75
_RISE = 0.75
"""Share of steps that have to climb between two checkpoints."""
_FIRST, _LESS, _LEAST = 0.22, 0.03, 0.06
"""Of all steps: the first checkpoint, by how much later gaps are shorter, and the shortest gap."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best point for each row (rows, features), and whether all steps were made."""

    points: Numbers
    margins: Numbers
    is_finished: bool


class _Best:
    """The point with the smallest margin of each row so far."""

    def __init__(self, ball: Ball, labels: Labels) -> None:
        self.points = np.array(ball.centres)
        self.margins = np.full(len(labels), np.inf)
        self._labels = labels

    def see(self, points: Numbers, scores: Numbers) -> None:
        found = margins(scores, self._labels)
        is_less = found < self.margins
        self.points[is_less], self.margins[is_less] = points[is_less], found[is_less]

    @property
    def is_done(self) -> bool:
        return bool((self.margins < 0).all())

    def found(self, *, is_finished: bool) -> Found:
        return Found(self.points, self.margins, is_finished)


@dataclass(frozen=True, slots=True)
class Target:
    """Rows whose label is to be changed."""

    network: Differentiable
    ball: Ball
    labels: Labels

    def of(self, rows: NDArray[np.integer]) -> "Target":
        """Return some of the rows."""
        return Target(self.network, self.ball.of(rows), self.labels[rows])

    def climb(self, points: Numbers, loss: Loss, aims: Labels) -> tuple[Numbers, Numbers, Numbers]:
        """Return the loss (rows,), its gradient by `points`, and the scores."""
        values, place = [], 0

        def weigh(scores: Numbers) -> Numbers:
            nonlocal place
            part = slice(place, place + len(scores))
            place = part.stop
            found, gradient = loss(scores, self.labels[part], aims[part])
            values.append(found)
            return gradient

        scores, gradients = self.network.gradients(points, weigh)
        return np.concatenate(values), gradients, scores


def pgd(target: Target, *, steps: int, random: np.random.Generator, has_time: HasTime) -> Found:
    """Return what one run of projected gradient descent from a random start finds."""
    ball, best = target.ball, _Best(target.ball, target.labels)
    points = ball.inside(ball.centres + random.uniform(-1, 1, ball.centres.shape) * ball.half)
    for _ in range(steps):
        if not has_time():
            return best.found(is_finished=False)
        _, gradients, scores = target.climb(points, cross_entropy, target.labels)
        best.see(points, scores)
        if best.is_done:
            return best.found(is_finished=True)
        points = ball.inside(points + np.sign(gradients) * ball.half * (_PGD_REACH / steps))
    best.see(points, target.network.scores(points))
    return best.found(is_finished=True)


def apgd(
    target: Target, loss: Loss, aims: Labels, *, steps: int, random: np.random.Generator, has_time: HasTime
) -> Found:
    """Return what a run finds that halves its steps where they do not climb, and goes on from the best point."""
    ball, best = target.ball, _Best(target.ball, target.labels)
    points = ball.inside(ball.centres + random.uniform(-1, 1, ball.centres.shape) * ball.half)
    before = points
    values, gradients, scores = target.climb(points, loss, aims)
    best.see(points, scores)
    run = _Climb(points, values, gradients)
    checkpoints = _checkpoints(steps)
    for number in range(steps):
        if best.is_done or not has_time():
            return best.found(is_finished=best.is_done)
        share = 1.0 if number == 0 else _MOMENTUM
        stepped = ball.inside(points + run.sizes[:, None] * ball.half * np.sign(gradients))
        moved = ball.inside(points + share * (stepped - points) + (1 - share) * (points - before))
        before, points = points, moved
        last = values
        values, gradients, scores = target.climb(points, loss, aims)
        best.see(points, scores)
        run.see(points, values, gradients, last)
        if number + 1 in checkpoints:
            back = run.halve()
            points, gradients = (
                np.where(back[:, None], run.points, points),
                np.where(back[:, None], run.gradients, gradients),
            )
            values = np.where(back, run.values, values)
            before = np.where(back[:, None], points, before)
    return best.found(is_finished=True)


def apgd_ce(target: Target, *, steps: int, random: np.random.Generator, has_time: HasTime) -> Found:
    """Return what APGD finds with the cross entropy."""
    return apgd(target, cross_entropy, target.labels, steps=steps, random=random, has_time=has_time)


def apgd_t(target: Target, *, aims: int, steps: int, random: np.random.Generator, has_time: HasTime) -> Found:
    """Return what APGD finds towards each of the `aims` best other classes, for rows that hold out so far."""

    def towards(part: Target, to: Labels) -> Found:
        return apgd(part, targeted_margin, to, steps=steps, random=random, has_time=has_time)

    return towards_each(target, aims, towards)


def towards_each(target: Target, aims: int, attack: Callable[[Target, Labels], Found]) -> Found:
    """Return what `attack` finds towards each of the `aims` best other classes, for rows that hold out so far."""
    scores = np.array(target.network.scores(target.ball.centres))
    scores[np.arange(len(scores)), target.labels] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, : min(aims, scores.shape[1] - 1)].astype(np.int64)
    points, found = np.array(target.ball.centres), np.full(len(scores), np.inf)
    for place in range(order.shape[1]):
        left = np.flatnonzero(found >= 0)
        if not len(left):
            break
        part = attack(target.of(left), order[left, place])
        is_less = part.margins < found[left]
        points[left[is_less]], found[left[is_less]] = part.points[is_less], part.margins[is_less]
        if not part.is_finished:
            return Found(points, found, is_finished=False)
    return Found(points, found, is_finished=True)


class _Climb:
    """How the loss of each row fared since the last checkpoint."""

    def __init__(self, points: Numbers, values: Numbers, gradients: Numbers) -> None:
        self.points, self.values, self.gradients = np.array(points), np.array(values), np.array(gradients)
        self.sizes = np.full(len(values), 2.0)
        """Of a step, in radii."""
        self._rises = np.zeros(len(values))
        self._count = 0
        self._was_halved = np.ones(len(values), dtype=np.bool_)
        self._values_before = np.array(values)

    def see(self, points: Numbers, values: Numbers, gradients: Numbers, last: Numbers) -> None:
        self._rises += values > last
        self._count += 1
        is_more = values > self.values
        self.points[is_more], self.gradients[is_more] = points[is_more], gradients[is_more]
        self.values[is_more] = values[is_more]

    def halve(self) -> NDArray[np.bool_]:
        """Halve the steps of rows that do not climb; return which go back to their best point."""
        is_slow = self._rises < _RISE * self._count
        is_stuck = ~self._was_halved & (self._values_before >= self.values)
        back = is_slow | is_stuck
        self.sizes[back] /= 2
        self._was_halved, self._values_before = back, np.array(self.values)
        self._rises[:], self._count = 0, 0
        return np.asarray(back)


def _checkpoints(steps: int) -> set[int]:
    found, gap, end = set(), _FIRST, _FIRST
    while end <= 1:
        found.add(int(np.ceil(end * steps)))
        gap = max(gap - _LESS, _LEAST)
        end += gap
    return found
