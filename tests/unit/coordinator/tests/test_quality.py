import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from mltest.coordinator.tests.quality import ClassificationQuality, RegressionQuality
from mltest.coordinator.tests.wilson import wilson_interval
from tests.unit.coordinator.predictions import classified, value_of, valued

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 3, size=200)
SHARES = RANDOM.dirichlet(np.ones(3), size=200)
SAID = SHARES.argmax(axis=1)


def test_every_metric_is_that_of_scikit_learn() -> None:
    results = list(ClassificationQuality().results(classified(SAID, truth=TRUTH, scores=SHARES)))
    assert value_of(results, "accuracy") == metrics.accuracy_score(TRUTH, SAID)
    assert value_of(results, "balanced_accuracy") == pytest.approx(metrics.balanced_accuracy_score(TRUTH, SAID))
    for metric, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        for average in ("macro", "weighted"):
            assert value_of(results, metric, average) == pytest.approx(function(TRUTH, SAID, average=average))
        for label, expected in zip("abc", function(TRUTH, SAID, average=None), strict=True):
            assert value_of(results, metric, "class", label) == pytest.approx(expected)
    assert value_of(results, "roc_auc") == pytest.approx(metrics.roc_auc_score(TRUTH, SHARES, multi_class="ovr"))
    assert value_of(results, "log_loss") == pytest.approx(metrics.log_loss(TRUTH, SHARES))
    expected_cells = metrics.confusion_matrix(TRUTH, SAID)
    for row, true in enumerate("abc"):
        for column, said in enumerate("abc"):
            assert value_of(results, "confusion_count", label=f"{true}>{said}") == expected_cells[row, column]


def test_a_class_that_nobody_said_has_a_reason_instead_of_a_precision() -> None:
    results = list(ClassificationQuality().results(classified([0, 1, 1], truth=[0, 1, 2])))
    assert value_of(results, "precision", "class", "c") is None
    assert value_of(results, "recall", "class", "c") == 0
    assert value_of(results, "f1", "macro") == pytest.approx(
        metrics.f1_score([0, 1, 2], [0, 1, 1], average="macro", zero_division=0)
    )
    assert value_of(results, "confusion_count", label="c>b") == 1


def test_labels_only_have_no_area_and_no_log_loss() -> None:
    results = list(ClassificationQuality().results(classified([0, 1, 2], truth=[0, 1, 2])))
    assert value_of(results, "roc_auc") is None
    assert value_of(results, "log_loss") is None


def test_a_label_that_is_no_class_is_wrong() -> None:
    results = list(ClassificationQuality(per_class=False).results(classified([0, -1], truth=[0, 1])))
    assert value_of(results, "accuracy") == 0.5
    assert value_of(results, "confusion_count", label="b>none of them") == 1


def test_the_area_needs_rows_of_every_class() -> None:
    shares = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]]
    results = ClassificationQuality().results(classified([0, 1], truth=[0, 1], scores=shares))
    (area,) = (result for result in results if result.metric == "roc_auc")
    assert "class c" in area.reason


def test_regression_metrics_are_the_published_ones_for_diabetes() -> None:
    # scikit-learn's documentation, "Ordinary Least Squares": one feature, last 20 rows held out.
    rows, truth = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(rows[:-20, [2]], truth[:-20])
    values = model.predict(rows[-20:, [2]])
    results = list(RegressionQuality().results(valued(values, truth=truth[-20:])))
    assert value_of(results, "mse") == pytest.approx(2548.07, abs=0.01)
    assert value_of(results, "r2") == pytest.approx(0.47, abs=0.005)
    assert value_of(results, "mae") == pytest.approx(metrics.mean_absolute_error(truth[-20:], values))


def test_several_targets_are_averaged() -> None:
    truth, values = RANDOM.normal(size=(2, 50, 2))
    results = list(RegressionQuality().results(valued(values, truth=truth)))
    assert value_of(results, "r2") == pytest.approx(metrics.r2_score(truth, values))
    assert value_of(results, "mse") == pytest.approx(metrics.mean_squared_error(truth, values))


def test_constant_true_values_have_no_coefficient_of_determination() -> None:
    assert value_of(list(RegressionQuality().results(valued([1, 2], truth=[3, 3]))), "r2") is None


def test_the_interval_of_a_share_is_the_published_one() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_every_candidate_is_judged_on_the_rows_that_chose_none_of_them() -> None:
    from dataclasses import replace

    from mltest.coordinator.builder.surgery.selection import selection_positions

    truth = np.arange(40) % 2
    judges = np.setdiff1d(np.arange(40), selection_positions(40, truth))
    labels = truth.copy()
    labels[judges[:5]] ^= 1
    for is_selected in (False, True):
        evidence = replace(classified(labels, truth=truth), is_selected=is_selected)
        found = {one.metric: one for one in ClassificationQuality().results(evidence) if not one.label}
        assert (found["judged_accuracy"].value, found["judged_accuracy"].count) == (15 / 20, 20)
        assert found["accuracy"].value == (15 / 20 if is_selected else 35 / 40)
        assert (found["judged_accuracy"].low is None) == (found["accuracy"].low is None)


def test_values_are_judged_on_the_same_rows_as_well() -> None:
    from sklearn.metrics import r2_score

    from mltest.coordinator.builder.surgery.selection import selection_positions

    truth = np.linspace(0.0, 1.0, 30)
    said = truth + 0.1 * np.sin(np.arange(30))
    judges = np.setdiff1d(np.arange(30), selection_positions(30, truth))
    found = {one.metric: one for one in RegressionQuality().results(valued(said, truth=truth))}
    assert found["judged_r2"].value == pytest.approx(r2_score(truth[judges], said[judges]))
    assert found["judged_r2"].count == len(judges)


def test_a_single_row_judges_nobody() -> None:
    found = {one.metric: one for one in ClassificationQuality().results(classified([0], truth=[0]))}
    assert found["judged_accuracy"].value is None
    assert "too few rows" in found["judged_accuracy"].reason
