"""The rule that raises an alarm when a figure has changed, on runs whose truth is known."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from mltest.shared.statistics.alarm import alarms, allowed_change, judgements

STEADY = (1.0, 1.01, 0.99, 1.0, 1.02)
RUN_SD_RATIOS = (0.012, 0.017)
"""Of the ratio to the reference, from run to run: runs of ten and of five rounds."""


def test_two_runs_in_a_row_outside_raise_one_alarm_at_the_second() -> None:
    assert alarms([*STEADY, 1.1, 1.1, 1.1, 1.1]) == (len(STEADY) + 1,)


def test_a_single_run_outside_raises_none() -> None:
    assert alarms([*STEADY, 1.3, 1.0, 1.01, 0.7, 1.0]) == ()


def test_a_single_run_outside_is_named_as_such() -> None:
    judged = list(judgements([*STEADY, 1.3, 1.0]))

    assert [one.is_outside for one in judged] == [*(False for _ in STEADY), True, False]
    assert judged[2].usual is None
    assert judged[-2].usual == pytest.approx(np.median(STEADY[:-1]))


def test_two_runs_outside_on_different_sides_raise_none() -> None:
    assert alarms([*STEADY, 1.2, 0.8, 1.0]) == ()


def test_what_became_better_raises_an_alarm_as_well() -> None:
    assert alarms([*STEADY, 0.8, 0.8]) == (len(STEADY) + 1,)


def test_a_change_within_five_percent_raises_none() -> None:
    assert alarms([1.0] * 10 + [1.049] * 5) == ()


def test_nothing_is_usual_before_three_runs() -> None:
    assert alarms([1.0, 1.0, 2.0, 2.0]) == ()
    assert alarms([]) == ()
    assert alarms([1.0, 1.0, 1.0, 2.0, 2.0]) == (4,)


def test_a_second_step_is_found_behind_the_first() -> None:
    assert alarms([1.0] * 10 + [1.2] * 5 + [1.5] * 5) == (11, 16)


def test_a_figure_that_always_varied_much_is_allowed_to() -> None:
    wild = [1.0, 1.2, 0.8, 1.1, 0.9, 1.15, 0.85, 1.05, 0.95, 1.0]

    assert alarms([*wild, 1.25, 1.25]) == ()
    assert allowed_change(wild) == pytest.approx(
        3 * np.median(np.abs(np.array(wild) - np.median(wild))) / np.median(wild)
    )


def test_only_the_last_ten_runs_say_what_is_usual() -> None:
    drifted = [1.0] * 10 + [1.04] * 11

    assert alarms([*drifted, 1.08, 1.08]) == ()
    assert alarms([*drifted, 1.1, 1.1]) == (22,)


@pytest.mark.parametrize("run_sd_ratio", RUN_SD_RATIOS)
def test_a_step_of_ten_percent_is_found_within_two_runs_nearly_always(run_sd_ratio: float) -> None:
    randomness = random.Random(1)
    histories = [_runs(randomness, run_sd_ratio, [1.0] * 10 + [1.1] * 2) for _ in range(1000)]

    assert sum(alarms(points) == (11,) for points in histories) >= 950


@pytest.mark.parametrize("run_sd_ratio", RUN_SD_RATIOS)
def test_false_alarms_are_at_most_one_in_a_hundred_runs(run_sd_ratio: float) -> None:
    randomness = random.Random(2)
    raised = sum(len(alarms(_runs(randomness, run_sd_ratio, [1.0] * 100))) for _ in range(200))

    assert raised <= 200


def _runs(randomness: random.Random, run_sd_ratio: float, levels: Sequence[float]) -> list[float]:
    return [level * randomness.lognormvariate(0, run_sd_ratio) for level in levels]
