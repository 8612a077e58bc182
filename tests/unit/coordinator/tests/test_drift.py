"""Drift between training and validation data, by statistics that are known for the data that were made."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mltest.coordinator.builder.judging.disturbance.drift_facts import stability_index
from mltest.coordinator.tests.dataset_properties import DatasetProperties
from mltest.coordinator.tests.drift import Drift
from tests.unit.coordinator.examined import evidence_of, only, value_of

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(400, 3))
TRUTH = (ROWS[:, 0] > 0).astype(int)
MODEL = LogisticRegression().fit(ROWS, TRUTH)


def test_a_column_that_was_moved_is_found_and_the_others_are_not() -> None:
    moved = RANDOM.normal(size=(300, 3)) + np.array([0, 0.8, 0])
    results = Drift().examine(evidence_of(MODEL, moved, (moved[:, 0] > 0).astype(int), training=(ROWS, TRUTH)))
    assert only(results, "drift_ks", statistic="max").label == "1"
    # Of two normal distributions 0.8 apart the largest distance is 2 * Phi(0.4) - 1 = 0.311.
    assert value_of(results, "drift_ks", statistic="max") == pytest.approx(0.311, abs=0.07)
    assert value_of(results, "drift_p") < 1e-6
    by_column = {one.label: one.value for one in results if one.metric == "drift_psi"}
    assert by_column["1"] is not None
    # Of two normal distributions with one spread the index is the squared distance, but for its bins.
    assert by_column["1"] == pytest.approx(0.64, rel=0.35)
    assert max(by_column["0"] or 0, by_column["2"] or 0) < 0.1


def test_data_drawn_alike_have_no_drift_and_shares_of_classes_are_compared() -> None:
    alike = RANDOM.normal(size=(300, 3))
    results = Drift().examine(evidence_of(MODEL, alike, np.ones(300, dtype=int), training=(ROWS, TRUTH)))
    assert value_of(results, "drift_p") > 0.05
    assert value_of(results, "target_drift") == pytest.approx((TRUTH == 0).mean())


def test_true_values_of_a_regressor_are_compared_as_a_distribution() -> None:
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    results = Drift().examine(evidence_of(model, ROWS, ROWS[:, 0] + 100, training=(ROWS, ROWS[:, 0])))
    assert value_of(results, "target_drift") == 1
    assert value_of(results, "drift_ks", statistic="max") == 0


def test_the_index_of_stability_of_two_shares_is_the_one_by_hand() -> None:
    before, now = np.repeat([0.0, 1.0], [50, 50]), np.repeat([0.0, 1.0], [80, 20])
    expected = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert stability_index(now, before) == pytest.approx(expected)


def test_rows_that_the_model_was_trained_with_are_counted() -> None:
    rows = np.concatenate([ROWS[:7], RANDOM.normal(size=(5, 3))])
    truth = (rows[:, 0] > 0).astype(int)
    assert (
        value_of(
            DatasetProperties().examine(evidence_of(MODEL, rows, truth, training=(ROWS, TRUTH))), "shared_row_count"
        )
        == 7
    )
    found = only(DatasetProperties().examine(evidence_of(MODEL, rows, truth)), "shared_row_count")
    assert "--training" in found.reason


def test_without_training_data_it_says_how_to_give_them() -> None:
    (found,) = Drift().examine(evidence_of(MODEL, ROWS, TRUTH))
    assert found.value is None
    assert "--training" in found.reason
