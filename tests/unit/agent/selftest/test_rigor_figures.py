"""The pure parts of bench.rigor."""

import math
import random

import pytest

from bench.rigor import KEYS, figures_of, missing_of
from bench.rigor_adaptive import BASELINE, adaptive_findings, replayed
from bench.rigor_presence import TimedSlice, presence_findings, presence_log
from mltest.agent.selftest.agree import python_bar
from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.recording import RoundRecord, windows_of
from mltest.shared.domain import MachineClass
from mltest.shared.statistics.adaptive import Contender, decide
from mltest.shared.statistics.paired import RoundTimes
from mltest.shared.statistics.stopping import StopRule

RULE = StopRule(min_rounds=6, max_rounds=12, half_width=0.025)
FIELD = {BASELINE: 2.0, "fast": 1.0, "twin": 1.0, "near": 1.08, "far": 1.5}


def field(rounds: int, spread: float = 0.01) -> list[RoundRecord]:
    generator = random.Random(0)
    return [
        RoundRecord(
            purpose="field",
            subject="forest",
            batch_size=16,
            window=0,
            round_index=index,
            truths=dict.fromkeys(FIELD, 0.0),
            times_ns={
                name: [1000 * truth * generator.lognormvariate(0, spread) for _ in range(24)]
                for name, truth in FIELD.items()
            },
        )
        for index in range(rounds)
    ]


def test_the_adaptive_rule_finds_the_winner_with_fewer_workers() -> None:
    winner, visits, _ = adaptive_findings(field(12), RULE, replay_count=5)
    assert (winner.value, winner.of_count) == (1, 5)
    assert visits.value is not None
    assert 0 < visits.value < 0.8


def test_rounds_too_few_for_the_rule_are_not_replayed() -> None:
    winner, visits, _ = adaptive_findings(field(11), RULE, replay_count=5)
    assert winner.value is None
    assert visits.value is None


def test_a_replay_counts_what_deciding_round_by_round_measures() -> None:
    (window,) = windows_of(field(12, spread=0.05), "field")
    shuffled = random.Random(7).sample(range(12), 12)
    active, visits = set(FIELD), 0
    measured: dict[str, dict[int, dict[int, float]]] = {name: {} for name in FIELD}
    for place, index in enumerate(shuffled):
        for name in active:
            measured[name][place] = window.times[name][index]
        visits += len(active)
        active = set(decide(contenders(measured), "calls", RULE).active)
        if not active:
            break
    assert replayed(window, random.Random(7), RULE).visit_count == visits


def contenders(measured: dict[str, dict[int, dict[int, float]]]) -> list[Contender]:
    cells: dict[str, RoundTimes] = dict(measured)
    return [
        Contender(name=name, cells={"calls": times}, is_reference=name == BASELINE) for name, times in cells.items()
    ]


def test_a_slice_belongs_to_the_state_in_which_it_lies_wholly() -> None:
    toggles = [(100, False), (200, True), (300, False)]
    slices = [
        *(TimedSlice(10, 20, 11.0), TimedSlice(30, 40, 11.0)),
        *(TimedSlice(110, 120, 10.0), TimedSlice(310, 320, 10.0)),
        TimedSlice(190, 210, 1000.0),
    ]
    assert presence_log(slices, toggles) == pytest.approx(math.log(1.1))
    assert presence_log(slices[:3], toggles) is None


def test_presence_is_good_when_small_or_not_to_be_told_from_nothing() -> None:
    (small,) = presence_findings([0.004, 0.005, 0.006])
    (unclear,) = presence_findings([0.1, -0.05, 0.02])
    (large,) = presence_findings([0.05, 0.051, 0.049])
    assert small.value == pytest.approx(math.exp(0.005) - 1)
    assert (small.is_met, unclear.is_met, large.is_met) == (True, True, False)
    assert presence_findings([])[0].value is None


def test_figures_carry_their_intervals_and_counts_and_leave_out_what_was_not_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [share("false_difference_ratio", 3, 98, ""), Finding(name="bytes_per_sample", value=None, meaning="why")]
    names = [figure.name for figure in figures_of([*found, Finding(name="other", value=1.0, meaning="")])]
    key = "false_difference_ratio"
    assert names == [key, f"{key}_low", f"{key}_high", f"{key}_count", f"{key}_of_count"]
    assert "bytes_per_sample: why" in capsys.readouterr().out


def test_every_key_is_there_once() -> None:
    assert len(KEYS) == len(set(KEYS)) == 16


def met(key: str) -> Finding:
    return Finding(name=key, value=1.0, meaning="", bar=Bar(low=1, high=1), of_count=200)


def test_a_bar_that_is_missed_and_a_key_that_is_not_there_are_said() -> None:
    found = [met(key) for key in KEYS[:-2]]
    found[3] = Finding(name=KEYS[3], value=0.5, meaning="", bar=Bar(low=0.95))
    found.append(Finding(name=KEYS[-2], value=None, meaning="no compiler", bar=Bar(low=0)))
    assert missing_of(found) == [
        f"MISSED  {KEYS[3]}: 0.5, the bar is >= 0.95",
        f"MISSED  {KEYS[-2]}: not measured: no compiler",
        f"MISSED  {KEYS[-1]}: not measured",
    ]
    assert missing_of([met(key) for key in KEYS]) == []


def test_fewer_than_a_hundred_comparisons_are_said() -> None:
    found = [met(key) for key in KEYS]
    found[0] = Finding(name="false_difference_ratio", value=0.0, meaning="", bar=Bar(high=0.05), of_count=99)
    assert missing_of(found) == [
        "MISSED  false_difference_ratio: only 99 comparisons of 100; --minutes gives more time"
    ]


@pytest.mark.parametrize(
    ("machine_class", "high"), [(MachineClass.DEDICATED, 0.02), (MachineClass.SHARED, 0.07), (MachineClass.NOISY, 0.07)]
)
def test_other_tools_have_to_be_met_closer_on_a_dedicated_machine(machine_class: MachineClass, high: float) -> None:
    assert python_bar(machine_class) == Bar(high=high)
