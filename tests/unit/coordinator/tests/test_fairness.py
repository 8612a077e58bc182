from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.tests.fairness import Fairness
from mltest.shared.domain import Result
from tests.unit.coordinator.predictions import classified, valued

# Eight rows by hand: women 4 (2 of them true), men 4 (2 of them true).
GROUPS = np.array(["women"] * 4 + ["men"] * 4)
TRUTH = [1, 1, 0, 0, 1, 1, 0, 0]
SAID = [1, 0, 0, 0, 1, 1, 1, 0]


def grouped(evidence: PredictionEvidence, groups: ArrayLike = GROUPS) -> list[Result]:
    return list(Fairness().results(replace(evidence, groups=np.asarray(groups))))


def value(results: list[Result], metric: str, label: str = "") -> float | None:
    (found,) = (one for one in results if one.metric == metric and one.label == (label or one.label))
    return found.value


def test_disparities_are_those_that_are_counted_by_hand() -> None:
    results = grouped(classified(SAID, truth=TRUTH, classes=("no", "yes")))
    assert value(results, "group_selection_rate", "women: yes") == 0.25
    assert value(results, "group_selection_rate", "men: yes") == 0.75
    assert value(results, "demographic_parity_difference") == 0.5
    assert value(results, "demographic_parity_ratio") == pytest.approx(1 / 3)
    # True positive rates 1/2 and 2/2, false positive rates 0/2 and 1/2.
    assert value(results, "equalized_odds_difference") == 0.5
    assert value(results, "group_accuracy", "women") == value(results, "group_accuracy", "men") == 0.75
    assert value(results, "accuracy_disparity") == 0
    assert value(results, "group_rows", "men") == 4


def test_the_example_of_the_definition_has_equal_selection_and_unequal_odds() -> None:
    # Selection 2 of 3 in both groups; true positive rates 2/2 and 1/1, false positive rates 0/1 and 1/2.
    results = grouped(
        classified([1, 1, 0, 1, 1, 0], truth=[1, 1, 0, 1, 0, 0], classes=("no", "yes")), ["a"] * 3 + ["b"] * 3
    )
    assert value(results, "demographic_parity_difference") == 0
    assert value(results, "equalized_odds_difference") == 0.5


def test_each_of_several_classes_has_its_disparities() -> None:
    truth = [0, 1, 2, 0, 1, 2]
    results = grouped(classified([0, 1, 2, 0, 1, 1], truth=truth), ["x"] * 3 + ["y"] * 3)
    assert value(results, "demographic_parity_difference", "a") == 0
    assert value(results, "demographic_parity_difference", "b") == pytest.approx(1 / 3)
    assert value(results, "demographic_parity_ratio", "c") == 0


def test_a_group_without_a_class_has_a_reason_instead_of_a_rate() -> None:
    results = grouped(classified([1, 1, 0], truth=[1, 1, 0], classes=("no", "yes")), ["a", "a", "b"])
    (recall,) = (one for one in results if one.metric == "group_recall" and one.label == "b: yes")
    assert recall.value is None
    assert "no such row" in recall.reason
    (odds,) = (one for one in results if one.metric == "equalized_odds_difference")
    assert "fewer than two groups" in odds.reason


def test_one_group_alone_has_no_disparity() -> None:
    results = grouped(classified(SAID, truth=TRUTH, classes=("no", "yes")), ["all"] * 8)
    assert value(results, "demographic_parity_difference") is None


def test_small_groups_take_no_part_in_disparities() -> None:
    groups = ["a"] * 4 + ["b"] * 3 + ["rare"]
    evidence = replace(classified(SAID, truth=TRUTH, classes=("no", "yes")), groups=np.array(groups))
    results = list(Fairness(min_rows=2).results(evidence))
    assert value(results, "group_selection_rate", "rare: yes") == 0
    assert value(results, "demographic_parity_difference") == 0.75


def test_errors_of_values_are_compared_with_their_sign_and_without() -> None:
    results = grouped(valued([1.0, 1.0, 3.0, 3.0], truth=[0.0, 2.0, 2.0, 2.0]), ["a", "a", "b", "b"])
    assert value(results, "group_mean_error", "a") == 0
    assert value(results, "group_mae", "a") == 1
    assert value(results, "mean_error_disparity") == 1
    assert value(results, "mae_disparity") == 0
