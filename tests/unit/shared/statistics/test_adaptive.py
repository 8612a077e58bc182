"""Who is measured again."""

import math
import random
from collections.abc import Hashable, Mapping
from statistics import fmean

import pytest

from mltest.shared.statistics.adaptive import Contender, Decision, StopReason, decide, elimination_alpha
from mltest.shared.statistics.claims import ALPHA_STOPPED
from mltest.shared.statistics.paired import RoundTimes
from mltest.shared.statistics.stopping import StopRule
from tests.unit.shared.statistics.race import CELL, QUICK, REFERENCE, STANDARD, contenders, field, first, measured, run

FIELD = {REFERENCE: 0.0, "best": -1.0, "twin": -1.0, "slow": 1.0}


def after(count: int, rule: StopRule = STANDARD, *, logs: Mapping[str, float] = FIELD, seed: int = 1) -> Decision:
    times = measured(random.Random(seed), logs, count=rule.max_rounds)
    return decide(contenders({name: first(of, count) for name, of in times.items()}), CELL, rule)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_nobody_stops_before_the_first_look(count: int) -> None:
    assert after(count).active == set(FIELD)
    assert not after(count).stopped


def test_who_is_certainly_slower_is_eliminated_at_the_first_look_and_the_leaders_go_on() -> None:
    decision = after(10)

    assert decision.stopped == {"slow": StopReason.ELIMINATED}
    assert decision.stopped_after == {"slow": 10}
    assert decision.active == {REFERENCE, "best", "twin"}


def test_leaders_stop_when_their_ratios_are_known_exactly_enough() -> None:
    decision = after(30)

    assert decision.active == frozenset()
    assert decision.stopped == {
        "slow": StopReason.ELIMINATED,
        "best": StopReason.PRECISE,
        "twin": StopReason.PRECISE,
    }
    assert all(10 <= count < 30 for count in decision.stopped_after.values())


def test_who_is_not_known_exactly_enough_stops_with_the_last_round() -> None:
    rule = StopRule(min_rounds=10, max_rounds=12, half_width=1e-4)
    decision = after(12, rule)

    assert decision.active == frozenset()
    assert decision.stopped["best"] is decision.stopped["twin"] is StopReason.MAX_ROUNDS
    assert decision.stopped_after["best"] == 12


def test_a_fixed_number_of_rounds_has_one_look() -> None:
    rule = StopRule(min_rounds=6, max_rounds=6, half_width=1e-4)

    assert after(6, rule).active == frozenset()
    assert elimination_alpha(6, rule) == ALPHA_STOPPED


def test_what_is_decided_from_all_rounds_is_what_is_decided_round_by_round() -> None:
    times = measured(random.Random(5), {REFERENCE: 0.0, **field(random.Random(5), (0.02, 0.05, 0.1), 6)}, count=30)
    at_once = decide(contenders(times), CELL, STANDARD)

    seen: dict[str, dict[int, Mapping[int, float]]] = {name: {} for name in times}
    active = frozenset(times)
    for round_index in range(30):
        for name in active:
            seen[name][round_index] = times[name][round_index]
        decision = decide(contenders(seen), CELL, STANDARD)
        assert decision.active <= active
        active = decision.active

    assert decision == at_once
    assert {name: len(of) for name, of in seen.items() if name != REFERENCE} == at_once.stopped_after


def test_leader_and_reference_stay_as_long_as_anybody_is_undecided() -> None:
    for seed in range(20):
        times = measured(random.Random(seed), {REFERENCE: 0.0, "a": 0.0, "b": 0.03, "c": 0.05}, count=30)
        for count in range(10, 31):
            active = decide(contenders({name: first(of, count) for name, of in times.items()}), CELL, STANDARD).active
            assert not active or (REFERENCE in active and len(active) >= 2)


def test_who_leads_is_never_eliminated_even_if_the_reference_is_faster() -> None:
    decision = after(30, logs={REFERENCE: -2.0, "a": 0.0, "b": 1.0})

    assert decision.stopped["a"] is StopReason.PRECISE
    assert decision.stopped["b"] is StopReason.ELIMINATED


def test_without_a_reference_precision_is_that_of_the_ratio_to_the_leader() -> None:
    decision = after(30, logs={"a": 0.0, "b": 0.0, "c": 1.0})

    assert decision.stopped["c"] is StopReason.ELIMINATED
    assert decision.stopped["a"] is decision.stopped["b"] is StopReason.PRECISE
    assert decision.active == frozenset()


def test_every_cell_has_to_be_precise_unless_the_reference_lacks_it() -> None:
    times = measured(random.Random(1), {REFERENCE: 0.0, "a": 0.0}, count=30, deviation=0.01)
    noisy = measured(random.Random(2), {REFERENCE: 0.0, "a": 0.0}, count=30, deviation=0.5)

    def stopped(cells: Mapping[Hashable, RoundTimes], of_reference: Mapping[Hashable, RoundTimes]) -> StopReason:
        race = [Contender(name="a", cells=cells), Contender(name="r", cells=of_reference, is_reference=True)]
        return decide(race, CELL, STANDARD).stopped["a"]

    steady: tuple[dict[Hashable, RoundTimes], ...] = ({CELL: times["a"]}, {CELL: times[REFERENCE]})
    assert stopped(steady[0], steady[1]) is StopReason.PRECISE
    assert stopped({**steady[0], "b": noisy["a"]}, {**steady[1], "b": noisy[REFERENCE]}) is StopReason.MAX_ROUNDS
    assert stopped({**steady[0], "b": noisy["a"]}, steady[1]) is StopReason.PRECISE


def test_of_rates_the_highest_leads() -> None:
    times = measured(random.Random(1), {"low": 0.0, "high": 1.0}, count=10)

    assert decide(contenders(times), CELL, STANDARD, is_higher_better=True).stopped["low"] is StopReason.ELIMINATED
    assert decide(contenders(times), CELL, STANDARD).stopped["high"] is StopReason.ELIMINATED


def test_without_an_objective_that_is_timed_only_widths_decide() -> None:
    times = measured(random.Random(1), FIELD, count=30, deviation=0.02)

    assert set(decide(contenders(times), None, STANDARD).stopped.values()) == {StopReason.PRECISE}


def test_indexes_of_rounds_need_not_be_consecutive() -> None:
    times = measured(random.Random(1), FIELD, count=10)
    sparse = {name: {3 * index + 1: slices for index, slices in of.items()} for name, of in times.items()}

    assert decide(contenders(sparse), CELL, STANDARD) == decide(contenders(times), CELL, STANDARD)


def test_a_race_of_one_ends_with_its_precision_and_one_of_nobody_at_once() -> None:
    assert after(30, logs={REFERENCE: 0.0, "a": 0.0}).stopped == {"a": StopReason.PRECISE}
    assert after(10, logs={REFERENCE: 0.0}).active == frozenset()


def test_the_levels_of_all_looks_add_up_to_that_of_a_claim() -> None:
    for rule in (QUICK, STANDARD):
        levels = [elimination_alpha(count, rule) for count in range(rule.min_rounds, rule.max_rounds + 1)]
        assert math.isclose(sum(levels), ALPHA_STOPPED)


def test_many_candidates_in_one_ranking_make_elimination_harder() -> None:
    times = measured(random.Random(3), {REFERENCE: 0.0, "a": 0.0, "b": 0.06}, count=10)

    assert "b" in decide(contenders(times), CELL, STANDARD).stopped
    assert "b" not in decide(contenders(times), CELL, STANDARD, ranked_count=500).stopped


def test_slices_of_a_noisy_machine_give_the_same_winner_with_half_of_the_visits() -> None:
    """24 slices: disturbed by 20 % alike, each by 8 % more on its own, and processes by 2 %."""
    source = random.Random(11)
    ratios = []
    for _ in range(4):
        logs = {REFERENCE: 0.0, **field(source, (0.1, 0.2, 0.5, 2.0), 5)}
        times = measured(source, logs, count=20, slice_count=24, own_slice_deviation=0.08, deviation=0.02)
        decision = decide(contenders(times), CELL, StopRule(min_rounds=6, max_rounds=20, half_width=0.05))
        assert decision.stopped["candidate-0"] is not StopReason.ELIMINATED
        ratios.append(fmean(decision.stopped_after.values()) / 20)

    assert fmean(ratios) <= 0.5


def test_replayed_races_keep_their_winner_and_save_half_of_the_visits() -> None:
    source = random.Random(7)
    races = [run(source, field(source, (0, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8), 8), STANDARD) for _ in range(20)]

    assert fmean(race.has_same_winner for race in races) >= 0.95
    assert fmean(race.visits_ratio for race in races) <= 0.5


def test_who_was_eliminated_is_not_on_a_rank_with_the_winner() -> None:
    source = random.Random(9)
    for _ in range(25):
        race = run(source, {"best": 0.0, "near": 0.05, "far": 0.3, "farther": 0.4}, STANDARD)
        rank_by_name = dict(zip(*race.ranking(), strict=True))
        eliminated = [name for name, why in race.decision.stopped.items() if why is StopReason.ELIMINATED]
        assert all(rank_by_name[name] > 1 for name in eliminated)


def test_nobody_is_eliminated_by_somebody_who_may_not_lead() -> None:
    times = measured(random.Random(1), {REFERENCE: 0.0, "wrong": -2.0, "best": -1.0, "slow": 0.5}, count=10)

    def stopped(may_not_lead: tuple[str, ...]) -> Mapping[str, StopReason]:
        return decide(contenders(times), CELL, STANDARD, may_not_lead=may_not_lead).stopped

    assert stopped(())["best"] is StopReason.ELIMINATED
    assert "best" not in stopped(("wrong",))
    assert stopped(("wrong",))["slow"] is StopReason.ELIMINATED, "by the best of the others"


def test_no_round_is_for_those_alone_who_may_not_lead() -> None:
    times = measured(random.Random(1), {REFERENCE: 0.0, "wrong": -2.0, "worse": -1.0}, count=10)

    assert decide(contenders(times), CELL, STANDARD, may_not_lead=("wrong", "worse")).active == frozenset()
    assert decide(contenders(times), CELL, STANDARD, may_not_lead=("wrong",)).active == {REFERENCE, "wrong", "worse"}


def test_who_was_eliminated_by_somebody_who_may_not_lead_any_more_gets_its_rounds_beside_the_new_leader() -> None:
    """The one that is wrong was found out behind the last round: the race goes on where the others had stopped."""
    rule = StopRule(min_rounds=10, max_rounds=14, half_width=1e-4)
    everything = measured(random.Random(1), {REFERENCE: 0.0, "wrong": -2.0, "best": -1.0, "near": -0.99}, count=40)
    seen = {name: first(of, 10 if name in ("best", "near") else 14) for name, of in everything.items()}
    assert decide(contenders(seen), CELL, rule).active == frozenset(), "as it was decided then"

    last = 13
    while active := decide(contenders(seen), CELL, rule, may_not_lead=("wrong",)).active:
        assert {"best", REFERENCE} <= active
        last += 1
        seen = {name: {**of, last: everything[name][last]} if name in active else of for name, of in seen.items()}
    decision = decide(contenders(seen), CELL, rule, may_not_lead=("wrong",))

    assert len(seen["best"]) == len(seen["near"]) == 14
    assert decision.stopped["best"] is decision.stopped["near"] is StopReason.MAX_ROUNDS
    assert decision.stopped_after["best"] == 14


def test_a_race_that_goes_on_ends_at_the_latest_with_twice_as_many_rounds() -> None:
    rule = StopRule(min_rounds=2, max_rounds=4, half_width=1e-9)
    everything = measured(random.Random(1), {REFERENCE: 0.0, "a": 0.0, "b": 0.0}, count=8)
    gaps = {**everything, "a": {index: everything["a"][index] for index in (0, 1, 7)}}

    assert decide(contenders(gaps), CELL, rule).active == frozenset()
