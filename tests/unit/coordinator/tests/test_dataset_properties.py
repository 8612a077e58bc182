import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.tests.dataset_properties import DatasetProperties
from tests.unit.coordinator.examined import evidence_of, only, value_of

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(40, 3))
TRUTH = np.repeat([0, 1], [10, 30])
TREE = DecisionTreeClassifier(random_state=0).fit(ROWS, TRUTH)


def test_classes_have_their_shares_and_an_entropy() -> None:
    results = list(DatasetProperties().examine(evidence_of(TREE, ROWS, TRUTH)))
    assert value_of(results, "class_ratio", label="0") == 0.25
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / math.log(2)
    assert value_of(results, "class_entropy") == pytest.approx(expected)
    assert value_of(results, "column_count", label="float64") == 3
    assert all(not one.candidate_id and not one.agent_id for one in results)


def test_gaps_and_columns_without_information_are_counted() -> None:
    rows = np.array(ROWS)
    rows[:4, 0], rows[:, 1], rows[5, 2] = np.nan, 7.0, np.inf
    results = list(DatasetProperties().examine(evidence_of(TREE, rows, TRUTH)))
    assert value_of(results, "missing_ratio") == pytest.approx(4 / 120)
    assert value_of(results, "missing_column_count") == 1
    assert value_of(results, "infinite_count") == 1
    assert value_of(results, "constant_column_count") == 1


def test_rows_that_repeat_are_counted_and_those_that_contradict_each_other() -> None:
    rows = np.array(ROWS)
    rows[1] = rows[0]
    rows[39] = rows[0]
    rows[2, 0] = rows[3, 0] = np.nan
    rows[3] = rows[2]
    results = list(DatasetProperties().examine(evidence_of(TREE, rows, TRUTH)))
    assert value_of(results, "duplicate_row_count") == 3
    # Rows 0 and 1 are of one class, row 39 of the other.
    assert value_of(results, "conflicting_row_count") == 3


def test_a_zero_and_its_negative_are_the_same_value() -> None:
    rows = np.zeros((2, 3))
    rows[1] = -0.0
    results = list(DatasetProperties().examine(evidence_of(TREE, rows, [0, 1])))
    assert value_of(results, "duplicate_row_count") == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_gives_the_class_away_is_named(sign: int) -> None:
    rows = np.array(ROWS)
    rows[:, 2] = sign * TRUTH + 0.001 * RANDOM.random(40)
    results = list(DatasetProperties().examine(evidence_of(TREE, rows, TRUTH, columns=("a", "b", "id"))))
    assert value_of(results, "leakage_score", statistic="hint") == 1
    assert only(results, "leakage_score", statistic="max").label == "id"
    assert all(one.label == "id" for one in results if one.statistic == "hint")


def test_a_column_of_noise_is_no_hint() -> None:
    results = list(DatasetProperties().examine(evidence_of(TREE, ROWS, TRUTH)))
    assert not [one for one in results if one.statistic == "hint"]


def test_leakage_of_values_is_the_rank_correlation_of_scipy() -> None:
    from scipy.stats import spearmanr  # type: ignore[import-untyped]  # it has no types

    target = ROWS[:, 1] ** 3 + 0.1 * ROWS[:, 0]
    model = LinearRegression().fit(ROWS, target)
    results = list(DatasetProperties().examine(evidence_of(model, ROWS, target)))
    best = only(results, "leakage_score", statistic="max")
    assert best.label == "1"
    assert best.value == pytest.approx(abs(spearmanr(ROWS[:, 1], target).statistic))
    assert value_of(results, "target_deviation") == pytest.approx(target.std())


def test_a_sample_says_its_seed_and_whole_data_none() -> None:
    sampled = list(DatasetProperties().examine(evidence_of(TREE, ROWS, TRUTH, source_row_count=900)))
    assert value_of(sampled, "sample_seed") == 7
    assert value_of(sampled, "source_row_count") == 900
    whole = DatasetProperties().examine(evidence_of(TREE, ROWS, TRUTH))
    assert not [one for one in whole if one.metric == "sample_seed"]


def test_only_so_many_columns_are_listed() -> None:
    results = DatasetProperties(shown_columns=1).examine(evidence_of(TREE, ROWS, TRUTH))
    assert sum(one.metric == "column_maximum" for one in results) == 1


def test_a_column_without_a_single_value_says_so() -> None:
    rows = np.array(ROWS)
    rows[:, 1] = np.nan
    results = list(DatasetProperties().examine(evidence_of(TREE, rows, TRUTH)))
    assert "missing values only" in only(results, "column_minimum", label="1").reason
