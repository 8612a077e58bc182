"""Several attacks one after the other on the rows that hold out, each find verified on the model itself.

In the manner of AutoAttack (Croce & Hein 2020): PGD first, since it is cheap; then APGD with cross entropy and towards
single classes; then FAB, which looks for the smallest change; then, asking for scores only, Square. Without derivatives
there is Square alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.said import labels_of
from mltest.coordinator.builder.networks.ball import Ball
from mltest.coordinator.builder.networks.boundary_attack import fab_t
from mltest.coordinator.builder.networks.gradient_attacks import Found, HasTime, Target, apgd_ce, apgd_t, pgd
from mltest.coordinator.builder.networks.losses import Labels, margins
from mltest.coordinator.builder.networks.operators import Numbers, Shape
from mltest.coordinator.builder.networks.program import Differentiable
from mltest.coordinator.builder.networks.square_attack import square
from mltest.shared.native.predictions import Predictions

Predict = Callable[[NDArray[np.floating]], Predictions]
PGD, APGD_CE, APGD_T, FAB_T, SQUARE = "pgd", "apgd-ce", "apgd-t", "fab-t", "square"
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much each attack does."""

    steps: int
    """Of gradient attacks."""
    restarts: int
    """Of PGD."""
    aims: int
    """Classes that APGD and FAB aim at, the most likely first."""
    queries: int
    """Of Square, for each row."""
    seed: int


@dataclass(slots=True)
class Outcome:
    """What became of each row (rows,) within one radius."""

    broken: NDArray[np.bool_]
    """The model gave another label for a point of the box."""
    by_pgd: NDArray[np.bool_]
    """PGD alone found one: it attacks rows too that something else broke."""
    points: Numbers
    """(rows, features): where, in rows that are broken."""
    counts: dict[str, int] = field(default_factory=dict)
    """How many each attack broke that none did before."""
    is_finished: bool = True
    """Whether every attack did all that it should."""

    def within_more(self) -> "Outcome":
        """Return what is known of a larger radius by this one."""
        return Outcome(self.broken.copy(), self.by_pgd.copy(), self.points.copy())


def untouched(ball: Ball) -> Outcome:
    """Return the outcome before any attack."""
    nothing = np.zeros(len(ball.centres), dtype=np.bool_)
    return Outcome(nothing, nothing.copy(), np.array(ball.centres))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Attacks on one model."""

    network: Differentiable | None
    """None where only its answers can be had."""
    predict: Predict
    dtype: np.dtype[np.floating]
    """Of the rows that the model is asked about."""
    image_shape: Shape
    effort: Effort

    def attack(self, ball: Ball, labels: Labels, has_time: HasTime, outcome: Outcome) -> Outcome:
        """Attack the rows that `outcome`, which is changed and returned, does not have as broken."""
        for name, run in self._stages().items():
            left = np.flatnonzero(~(outcome.by_pgd if name.startswith(PGD) else outcome.broken))
            if not len(left):
                continue
            if not has_time():
                outcome.is_finished = False
                break
            found = run(ball.of(left), labels[left], has_time)
            outcome.is_finished &= found.is_finished
            self._keep(outcome, name, left, found, ball, labels)
        return outcome

    def _stages(self) -> Mapping[str, Callable[[Ball, Labels, HasTime], Found]]:
        if self.network is None:
            return {SQUARE: self._square}
        return {
            **{f"{PGD} {number}": self._gradient(pgd, number) for number in range(self.effort.restarts)},
            APGD_CE: self._gradient(apgd_ce, 0),
            APGD_T: self._gradient(apgd_t, 0, aims=self.effort.aims),
            FAB_T: self._gradient(fab_t, 0, aims=self.effort.aims),
            **({SQUARE: self._square} if self.effort.queries else {}),
        }

    def _gradient(
        self, attack: Callable[..., Found], number: int, **params: int
    ) -> Callable[[Ball, Labels, HasTime], Found]:
        def run(ball: Ball, labels: Labels, has_time: HasTime) -> Found:
            assert self.network is not None
            random = np.random.default_rng((self.effort.seed, number))
            target = Target(self.network, ball, labels)
            return attack(target, steps=self.effort.steps, random=random, has_time=has_time, **params)

        return run

    def _square(self, ball: Ball, labels: Labels, has_time: HasTime) -> Found:
        def ask(points: Numbers, near: NDArray[np.integer]) -> Numbers:
            said = self.predict(ball.of(near).rounded(points, self.dtype))
            return answered_margins(said, labels[near])

        random = np.random.default_rng(self.effort.seed)
        return square(
            ball, ask, queries=self.effort.queries, image_shape=self.image_shape, random=random, has_time=has_time
        )

    def _keep(
        self, outcome: Outcome, name: str, left: NDArray[np.int64], found: Found, ball: Ball, labels: Labels
    ) -> None:
        """Ask the model itself about every point; only what it says counts."""
        rounded = ball.of(left).rounded(found.points, self.dtype)
        hit = left[labels_of(self.predict(rounded)) != labels[left]]
        new, method = hit[~outcome.broken[hit]], name.split(" ", 1)[0]
        outcome.points[new] = rounded[np.isin(left, new)]
        outcome.broken[new] = True
        if method == PGD:
            outcome.by_pgd[hit] = True
        outcome.counts[method] = outcome.counts.get(method, 0) + len(new)


def answered_margins(said: Predictions, labels: Labels) -> Numbers:
    """Return the margins of a model's answers: below 0 exactly where the label is another one."""
    is_other = labels_of(said) != labels
    if said.scores is None:
        return np.where(is_other, -1.0, 1.0)
    scores = said.scores if said.scores.shape[1] > 1 else np.hstack([-said.scores, said.scores])
    if said.are_probabilities:
        scores = np.log(np.maximum(scores, _TINY))
    size = np.abs(np.nan_to_num(margins(scores, labels)))
    return np.where(is_other, -size - _TINY, size)
