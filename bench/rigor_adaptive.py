"""Is measuring adaptively as good as measuring everything to the end? Replays of recorded rounds.

Different ways to run one model are measured in a fixed number of rounds. Rounds are exchangeable, so that each order of
them is a job that could have been; the adaptive rule decides upon each as if the rounds came in.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.campaign import Campaign
from mltest.agent.selftest.comparisons import stopped
from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.models import candidate_of
from mltest.agent.selftest.recording import RoundRecord, RoundTimes, Window, windows_of
from mltest.shared.domain import VisitCandidate
from mltest.shared.statistics.adaptive import Contender, decide
from mltest.shared.statistics.claims import ALPHA_FIXED
from mltest.shared.statistics.paired import Effect, effect_of, round_logs
from mltest.shared.statistics.stopping import StopRule
from mltest.shared.statistics.tiers import ranks

BASELINE = "scikit-learn"
REPLAYS = 100
_CELL = "calls"
_FIELDS = (("forest", 16), ("network", 64))
_SLOW_PERCENTS = {"onnxruntime": (3, 8, 25), "treelite": (5, 15)}
"""Further candidates: the same, really slower by so much."""
_SHORTEST_FIELD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What the adaptive rule did with one order of rounds; a visit is one worker of one round."""

    is_same_winner: bool
    """Whether its winner is that of all rounds, or one that all rounds cannot tell apart from it."""
    visit_count: int
    full_visit_count: int
    """Of the most rounds of everything."""
    stopped_visit_count: int
    """Of everything until everything is known exactly enough: the same stop rule, without elimination."""


async def measure_fields(bench: Bench, campaign: Campaign, rounds: int) -> None:
    """Record rounds of different ways to run the same model."""
    for name, batch_size in _FIELDS[:1] if bench.options.is_quick else _FIELDS:
        candidates = field_of(bench, name)
        shown = candidates[:_SHORTEST_FIELD] if bench.options.is_shortest else candidates
        await campaign.field(name, batch_size, shown, rounds)


def field_of(bench: Bench, name: str) -> list[VisitCandidate]:
    """Return the candidates of one model: every runtime, and slower ones of the fast runtimes."""
    found = []
    for model in bench.models.models:
        if model.name == name:
            sha256 = bench.sha256(model.path)
            found.append(candidate_of(model, sha256, model.runtime))
            found += [
                candidate_of(model, sha256, f"{model.runtime}+{percent}", slowed={"slow_ratio": str(percent / 100)})
                for percent in _SLOW_PERCENTS.get(model.runtime, ())
            ]
    return found


def adaptive_findings(
    records: Sequence[RoundRecord], rule: StopRule, replay_count: int = REPLAYS, seed: int = 0
) -> list[Finding]:
    """Return how often the adaptive rule finds the winner, and with which share of the workers."""
    generator = random.Random(seed)
    replays = [
        replayed(window, generator, rule)
        for window in windows_of(records, "field")
        if window.round_count >= rule.max_rounds
        for _ in range(replay_count)
    ]
    used, full, until_precise = (
        sum(counts)
        for counts in (
            [one.visit_count for one in replays],
            [one.full_visit_count for one in replays],
            [one.stopped_visit_count for one in replays],
        )
    )
    return [
        share(
            "adaptive_same_winner_ratio",
            sum(one.is_same_winner for one in replays),
            len(replays),
            "replays in which the adaptive rule finds the winner, or one that cannot be told apart from it",
            Bar(low=0.95),
        ),
        Finding(
            name="adaptive_visits_ratio",
            value=used / full if full else None,
            meaning=f"workers that it measures, of those that {rule.max_rounds} rounds of everything take",
            bar=Bar(high=0.5),
            of_count=len(replays),
        ),
        Finding(
            name="adaptive_visits_of_stopped_ratio",
            value=used / until_precise if until_precise else None,
            meaning="the same, of those that everything takes until everything is known exactly enough",
            of_count=len(replays),
        ),
    ]


def replayed(window: Window, generator: random.Random, rule: StopRule) -> Replay:
    """Put the rounds of a window into a random order, and let the adaptive rule decide upon them."""
    shuffled = _shuffled(window, generator, rule.max_rounds)
    contenders = [
        Contender(name=name, cells={_CELL: times}, is_reference=name == BASELINE) for name, times in shuffled.items()
    ]
    ended = decide(contenders, _CELL, rule).stopped_after
    counts = {name: ended.get(name, rule.max_rounds) for name in shuffled if name != BASELINE}
    visits = sum(counts.values()) + max(counts.values(), default=0)
    winner = _best(shuffled, counts)
    return Replay(
        is_same_winner=winner in _top_tier(window),
        visit_count=visits,
        full_visit_count=len(shuffled) * rule.max_rounds,
        stopped_visit_count=len(shuffled) * _rounds_until_precise(shuffled, rule),
    )


def _rounds_until_precise(times: dict[str, RoundTimes], rule: StopRule) -> int:
    ends = [
        stopped(list(round_logs(rounds, times[BASELINE]).values()), rule)
        for name, rounds in times.items()
        if name != BASELINE
    ]
    return max(len(end.logs) if end else rule.max_rounds for end in ends)


def _shuffled(window: Window, generator: random.Random, count: int) -> dict[str, RoundTimes]:
    shared = sorted(set.intersection(*(set(rounds) for rounds in window.times.values())))
    order = generator.sample(shared, min(count, len(shared)))
    return {name: {place: rounds[index] for place, index in enumerate(order)} for name, rounds in window.times.items()}


def _best(times: dict[str, RoundTimes], counts: dict[str, int]) -> str:
    """Return who is fastest against the baseline in the rounds that each had; those with most rounds only."""
    most = max(counts.values())
    left = [name for name, count in counts.items() if count == most]
    return min(left, key=lambda name: _mean_log(times[name], times[BASELINE], most))


def _mean_log(times: RoundTimes, baseline: RoundTimes, count: int) -> float:
    logs = list(round_logs(times, baseline).values())[:count]
    return fmean(logs) if logs else math.inf


def _top_tier(window: Window) -> set[str]:
    """Return those that all rounds put first."""
    names = [name for name in window.times if name != BASELINE]

    def effect(one: str, other: str) -> Effect | None:
        return effect_of(list(round_logs(window.times[one], window.times[other]).values()))

    order = sorted(names, key=lambda name: _mean_log(window.times[name], window.times[BASELINE], window.round_count))
    return {name for name, rank in zip(order, ranks(order, effect, alpha=ALPHA_FIXED), strict=True) if rank == 1}
