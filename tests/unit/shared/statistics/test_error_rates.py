"""How often the rules are wrong, by simulation: the figures of decision records 0011 and 0012.

`pytest tests/unit/shared/statistics/test_error_rates.py -m long -n 0 -s` prints them.
"""
# ruff: noqa: T201  # the figures are what this file is for

import math
import random
from collections.abc import Sequence
from statistics import fmean, median

import pytest

from mltest.shared.statistics.claims import ALPHA_FIXED, is_claimed
from mltest.shared.statistics.paired import effect_of
from mltest.shared.statistics.stopping import StopRule
from tests.unit.shared.statistics.race import NOISES, QUICK, REFERENCE, STANDARD, Race, field, process_noise, run

RULES = pytest.mark.parametrize("rule", [QUICK, STANDARD], ids=["quick", "standard"])
KINDS = pytest.mark.parametrize("kind", NOISES)
SIX = dict.fromkeys("abcdef", 0.0)
STEPS = (0.0, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8)


def pairs(
    rule: StopRule, kind: str, *, slowdown: float = 0.0, count: int = 1000, deviation: float = 0.03
) -> list[Race]:
    source = random.Random(f"{rule}/{kind}/{slowdown}")
    logs = {"a": 0.0, "b": math.log1p(slowdown)}
    return [run(source, logs, rule, kind=kind, deviation=deviation) for _ in range(count)]


def covered(races: Sequence[Race], truth: float, one: str, other: str) -> float:
    intervals = [race.effect(one, other).interval for race in races]
    return fmean(interval is not None and interval.low <= truth <= interval.high for interval in intervals)


@pytest.mark.long
@RULES
@KINDS
def test_identical_candidates_are_told_apart_in_at_most_5_percent_with_the_stop_rule_on(
    rule: StopRule, kind: str
) -> None:
    races = pairs(rule, kind)
    false = fmean(race.is_split for race in races)
    in_pair, to_reference = covered(races, 1.0, "b", "a"), covered(races, 1.0, "a", REFERENCE)
    rounds = sorted(race.decision.stopped_after["a"] for race in races)
    print(
        f"\n{rule.min_rounds} {kind}: false {false:.3f} coverage {in_pair:.3f} {to_reference:.3f}"
        f" rounds p50 {median(rounds):g} p90 {rounds[int(0.9 * len(rounds))]}"
    )

    assert false <= 0.05
    assert 0.92 <= in_pair <= 0.98
    assert 0.92 <= to_reference <= 0.98


@pytest.mark.long
@RULES
@KINDS
def test_six_identical_candidates_are_split_in_at_most_5_percent(rule: StopRule, kind: str) -> None:
    source = random.Random(f"{rule}/{kind}")
    split = fmean(run(source, SIX, rule, kind=kind).is_split for _ in range(400))
    print(f"\n{rule.min_rounds} {kind}: split {split:.3f}")

    assert split <= 0.05


@pytest.mark.long
@KINDS
@pytest.mark.parametrize(("slowdown", "power"), [(0.05, 0.8), (0.1, 0.95)])
def test_a_slow_down_is_found(kind: str, slowdown: float, power: float) -> None:
    for rule, least in ((STANDARD, power), (QUICK, 0.0)):
        races = pairs(rule, kind, slowdown=slowdown, count=400)
        found = fmean(race.ranking() == (("a", "b"), (1, 2)) for race in races)
        coverage = covered(races, 1 + slowdown, "b", "a")
        print(f"\n{rule.min_rounds} {kind}: +{slowdown:.0%} found {found:.3f} coverage {coverage:.3f}")

        assert found >= least
        assert coverage >= 0.9


@pytest.mark.long
@RULES
@KINDS
def test_adaptive_rounds_keep_the_winner_and_save_half_of_the_visits(rule: StopRule, kind: str) -> None:
    source = random.Random(f"{rule}/{kind}")
    races = [run(source, field(source, STEPS, 8), rule, kind=kind) for _ in range(300)]
    same, visits = fmean(race.has_same_winner for race in races), fmean(race.visits_ratio for race in races)
    print(f"\n{rule.min_rounds} {kind}: same winner {same:.3f} visits {visits:.3f}")

    assert same >= 0.95
    assert visits <= 0.5


@pytest.mark.long
@KINDS
@pytest.mark.parametrize("count", [3, 4, 5, 6, 8, 10])
def test_with_a_fixed_number_of_rounds_identical_candidates_are_told_apart_in_at_most_5_percent(
    kind: str, count: int
) -> None:
    source = random.Random(f"{kind}/{count}")
    deviation = 0.03

    def is_told_apart(family_size: int) -> bool:
        logs = [process_noise(source, kind, deviation) - process_noise(source, kind, deviation) for _ in range(count)]
        found = effect_of(logs)
        return found is not None and is_claimed(found, family_size=family_size, alpha=ALPHA_FIXED)

    one, family = fmean(is_told_apart(1) for _ in range(4000)), 15 * fmean(is_told_apart(15) for _ in range(40_000))
    print(f"\n{count} rounds {kind}: one pair {one:.4f}, of 15 pairs at most {family:.4f}")

    assert one <= 0.05
    # The level is .05; as 15 times a share of 40,000 it has a standard deviation of .004.
    assert family <= 0.065
