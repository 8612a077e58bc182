"""Who needs no full measurement: how many are spared, and that nobody is lost who may be the best."""

import math
import random
from collections.abc import Collection, Mapping

import pytest

from mltest.shared.statistics.adaptive import Contender, elimination_alpha
from mltest.shared.statistics.claims import ALPHA_STOPPED
from mltest.shared.statistics.screening import SCREENING_SHARE, screened_out
from mltest.shared.statistics.stopping import StopRule
from tests.unit.shared.statistics.race import CELL, NOISES, contenders, field, measured

ROUNDS = 5
LARGE = "large"


def screened(
    logs: Mapping[str, float],
    *,
    seed: int = 1,
    kind: str = "normal",
    count: int = ROUNDS,
    may_lead: Collection[str] | None = None,
) -> frozenset[str]:
    times = measured(random.Random(seed), logs, count=count, kind=kind)
    leaders = logs.keys() if may_lead is None else may_lead
    return screened_out(contenders(times), leaders, objective_cell=CELL, round_count=ROUNDS, ranked_count=len(logs))


@pytest.mark.parametrize("kind", NOISES)
def test_nobody_is_lost_among_equals(kind: str) -> None:
    logs = {f"candidate-{index}": 0.0 for index in range(12)}
    lost = sum(bool(screened(logs, seed=seed, kind=kind)) for seed in range(200))
    assert lost / 200 <= ALPHA_STOPPED * SCREENING_SHARE + 0.01


@pytest.mark.parametrize("kind", NOISES)
def test_the_fastest_always_goes_on_and_who_takes_many_times_as_long_seldom_does(kind: str) -> None:
    source = random.Random(3)
    out, hopeless = 0, 0
    for seed in range(20):
        logs = field(source, (0.01, 0.05, 0.3, 1.0, 4.0, 30.0), 60)
        found = screened(logs, seed=seed, kind=kind)
        assert "candidate-0" not in found
        assert all(logs[name] > math.log(1.03) for name in found)
        many_times = {name for name, log in logs.items() if log >= math.log(5)}
        out += len(found & many_times)
        hopeless += len(many_times)
    assert out > 0.8 * hopeless


def test_who_is_slower_than_only_one_goes_on() -> None:
    assert screened({"best": 0.0, "second": 3.0, "third": 6.0}) == {"third"}
    assert screened({"best": 0.0, "second": 3.0}) == frozenset()


def test_nobody_is_screened_out_by_what_the_gate_does_not_let_pass() -> None:
    logs = {"wrong": 0.0, "also wrong": 0.1, "right": 3.0, "right too": 3.0, "slow": 6.0}
    assert screened(logs, may_lead=("right", "right too", "slow")) == {"slow"}
    assert screened(logs, may_lead=("right",)) == frozenset()
    assert screened(logs, may_lead=()) == frozenset()


def test_what_is_not_let_pass_is_itself_left_out_only_for_its_time() -> None:
    logs = {"a": 0.0, "b": 0.0, "wrong": 0.0, "wrong and slow": 6.0}
    assert screened(logs, may_lead=("a", "b")) == {"wrong and slow"}


def test_before_the_last_round_nothing_is_said() -> None:
    logs = {"a": 0.0, "b": 0.0, "slow": 6.0}
    assert screened(logs, count=ROUNDS - 1) == frozenset()
    assert screened(logs, count=ROUNDS) == {"slow"}


def two_cells(small: Mapping[str, float], large: Mapping[str, float]) -> tuple[Contender, ...]:
    source = random.Random(5)
    times = {cell: measured(source, logs, count=ROUNDS) for cell, logs in ((CELL, small), (LARGE, large))}
    return tuple(
        Contender(name=name, cells={cell: of[name] for cell, of in times.items() if name in of}) for name in small
    )


def test_who_is_the_best_with_another_batch_size_goes_on() -> None:
    found = two_cells(
        {"a": 0.0, "b": 0.0, "good at large": 6.0, "slow": 6.0},
        {"a": 3.0, "b": 3.0, "good at large": 0.0, "slow": 9.0},
    )
    out = screened_out(found, ("a", "b", "good at large", "slow"), objective_cell=CELL, round_count=5, ranked_count=4)
    assert out == {"slow"}


def test_who_was_not_timed_where_the_order_is_decided_goes_on() -> None:
    found = two_cells({"a": 0.0, "b": 0.0, "slow": 6.0}, {"a": 0.0, "b": 0.0, "slow": 6.0})
    blind = tuple(
        Contender(name=one.name, cells={LARGE: one.cells[LARGE]}) if one.name == "slow" else one for one in found
    )
    out = screened_out(blind, ("a", "b"), objective_cell=CELL, round_count=5, ranked_count=3)
    assert out == frozenset()


def test_screening_and_rounds_together_use_up_no_more_than_the_level_of_a_claim() -> None:
    rule = StopRule(min_rounds=10, max_rounds=30, half_width=0.025, level_share=1 - SCREENING_SHARE)
    rounds = sum(elimination_alpha(count, rule) for count in range(10, 31))
    assert rounds + ALPHA_STOPPED * SCREENING_SHARE == pytest.approx(ALPHA_STOPPED)
