"""Races of made-up candidates: rounds as a noisy machine would give them, and what is decided from them."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mltest.shared.statistics.adaptive import Contender, Decision, decide
from mltest.shared.statistics.claims import ALPHA_FIXED, ALPHA_STOPPED
from mltest.shared.statistics.paired import Effect, RoundTimes, effect_of, round_logs
from mltest.shared.statistics.stopping import StopRule
from mltest.shared.statistics.tiers import ranks

CELL = "cell"
REFERENCE = "reference"
STANDARD = StopRule(min_rounds=10, max_rounds=30, half_width=0.025)
QUICK = StopRule(min_rounds=6, max_rounds=30, half_width=0.05)
NOISES = ("normal", "heavy", "bimodal", "outliers")
SLICE_DEVIATION = 0.2
"""Of what disturbs everybody in a slice alike."""


def process_noise(source: random.Random, kind: str, deviation: float) -> float:
    """Return how far one process is off, as a logarithm."""
    if kind == "heavy":
        chi_square = sum(source.gauss(0, 1) ** 2 for _ in range(3))
        return deviation * source.gauss(0, 1) / math.sqrt(chi_square)
    if kind == "bimodal":
        return deviation * source.gauss(0, 0.7) + (3 * deviation if source.random() < 0.06 else 0)
    if kind == "outliers":
        return deviation * source.gauss(0, 0.6) + (abs(deviation * source.gauss(0, 5)) if source.random() < 0.05 else 0)
    return deviation * source.gauss(0, 1)


def measured(
    source: random.Random,
    logs: Mapping[str, float],
    *,
    count: int,
    deviation: float = 0.03,
    kind: str = "normal",
    slice_count: int = 1,
    own_slice_deviation: float = 0.0,
) -> dict[str, RoundTimes]:
    """Return slice times of candidates whose true times are exp(`logs`)."""
    times: dict[str, dict[int, dict[int, float]]] = {name: {} for name in logs}
    for round_index in range(count):
        common = [source.gauss(0, SLICE_DEVIATION) for _ in range(slice_count)]
        for name, log in logs.items():
            process = log + process_noise(source, kind, deviation)
            times[name][round_index] = {
                index: math.exp(process + of_slice + own_slice_deviation * source.gauss(0, 1))
                for index, of_slice in enumerate(common)
            }
    return {**times}


def contenders(times: Mapping[str, RoundTimes]) -> tuple[Contender, ...]:
    return tuple(Contender(name=name, cells={CELL: of}, is_reference=name == REFERENCE) for name, of in times.items())


def first(times: RoundTimes, count: int) -> RoundTimes:
    return {index: times[index] for index in sorted(times)[:count]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """A race with all rounds, and what adaptive measuring would have seen of it."""

    everything: Mapping[str, RoundTimes]
    seen: Mapping[str, RoundTimes]
    decision: Decision

    def effect(self, one: str, other: str, *, of_all: bool = False) -> Effect:
        """Return the time of one candidate divided by that of another."""
        times = self.everything if of_all else self.seen
        found = effect_of(list(round_logs(times[one], times[other]).values()))
        assert found is not None
        return found

    def ranking(self, *, of_all: bool = False) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return candidates best first, and their ranks."""
        names = [name for name in self.seen if name != REFERENCE]
        order = sorted(names, key=lambda name: self.effect(name, REFERENCE, of_all=of_all).ratio)
        alpha = ALPHA_FIXED if of_all else ALPHA_STOPPED
        return tuple(order), ranks(order, lambda one, other: self.effect(one, other, of_all=of_all), alpha=alpha)

    @property
    def is_split(self) -> bool:
        """Whether not all share the first rank."""
        return set(self.ranking()[1]) != {1}

    @property
    def has_same_winner(self) -> bool:
        """Whether the winner is one of those that cannot be told from the winner of all rounds."""
        order, found = self.ranking(of_all=True)
        return self.ranking()[0][0] in [name for name, rank in zip(order, found, strict=True) if rank == 1]

    @property
    def visits_ratio(self) -> float:
        """Processes that were started, as a share of those of all rounds."""
        return sum(map(len, self.seen.values())) / sum(map(len, self.everything.values()))


def run(
    source: random.Random,
    logs: Mapping[str, float],
    rule: StopRule,
    *,
    deviation: float = 0.03,
    kind: str = "normal",
) -> Race:
    """Return a race of candidates and a reference that takes 1."""
    everything = measured(source, {REFERENCE: 0.0, **logs}, count=rule.max_rounds, deviation=deviation, kind=kind)
    decision = decide(contenders(everything), CELL, rule)
    last = max(decision.stopped_after.values())
    seen = {name: first(times, decision.stopped_after.get(name, last)) for name, times in everything.items()}
    return Race(everything=everything, seen=seen, decision=decision)


def field(source: random.Random, steps: Sequence[float], count: int) -> dict[str, float]:
    """Return the logarithms of the times of candidates, the best of which takes 1."""
    slowdowns = [0.0, *(source.choice(steps) for _ in range(count - 1))]
    return {f"candidate-{index}": math.log1p(slowdown) for index, slowdown in enumerate(slowdowns)}
