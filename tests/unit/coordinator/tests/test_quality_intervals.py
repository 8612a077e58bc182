"""The measures behind intervals, held against scikit-learn with weights: how often a row was drawn is its weight."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from mltest.coordinator.builder.judging.measures.bootstrap import interval_of, resampled
from mltest.coordinator.builder.judging.measures.calibration_interval import calibration_interval
from mltest.coordinator.builder.judging.measures.label_measures import label_measures
from mltest.coordinator.builder.judging.measures.measures import measures_of
from mltest.coordinator.builder.judging.measures.score_measures import probability_measures, rank_measures
from mltest.coordinator.builder.judging.measures.value_measures import value_measures
from mltest.coordinator.tests.quality import ClassificationQuality, RegressionQuality
from mltest.coordinator.tests.quality_change import QualityChange
from tests.unit.coordinator.predictions import classified, value_of, valued

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 3, size=120)
SHARES = np.round(RANDOM.dirichlet(np.ones(3), size=120), 1) + 0.1
SHARES /= SHARES.sum(axis=1, keepdims=True)
SAID = SHARES.argmax(axis=1)
DRAWN = RANDOM.multinomial(120, np.full(120, 1 / 120), size=5).astype(float)


def test_measures_of_labels_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    overall, by_class = label_measures(TRUTH, SAID, "abc")
    for counts, found, of_classes in zip(DRAWN, overall.of(DRAWN), by_class.of(DRAWN), strict=True):
        values = dict(zip(overall.figures, found, strict=True))
        assert values["accuracy", "value", ""] == pytest.approx(
            metrics.accuracy_score(TRUTH, SAID, sample_weight=counts)
        )
        assert values["mcc", "value", ""] == pytest.approx(metrics.matthews_corrcoef(TRUTH, SAID, sample_weight=counts))
        assert values["balanced_accuracy", "value", ""] == pytest.approx(
            metrics.balanced_accuracy_score(TRUTH, SAID, sample_weight=counts)
        )
        for average in ("macro", "weighted"):
            expected = metrics.f1_score(TRUTH, SAID, average=average, sample_weight=counts)
            assert values["f1", average, ""] == pytest.approx(expected)
        recalls = metrics.recall_score(TRUTH, SAID, average=None, sample_weight=counts)
        assert dict(zip(by_class.figures, of_classes, strict=True))["recall", "class", "b"] == pytest.approx(recalls[1])


def test_areas_of_tied_scores_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    assert len(np.unique(SHARES[:, 0])) < 60
    found = rank_measures(TRUTH, SHARES, (0, 1, 2)).of(DRAWN)
    for counts, (roc, average) in zip(DRAWN, found, strict=True):
        pairs = [(label == TRUTH, SHARES[:, label]) for label in range(3)]
        assert roc == pytest.approx(np.mean([metrics.roc_auc_score(*pair, sample_weight=counts) for pair in pairs]))
        expected = np.mean([metrics.average_precision_score(*pair, sample_weight=counts) for pair in pairs])
        assert average == pytest.approx(expected)


def test_losses_of_probabilities_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    for counts, (log_loss, brier, _) in zip(DRAWN, probability_measures(TRUTH, SHARES).of(DRAWN), strict=True):
        assert log_loss == pytest.approx(metrics.log_loss(TRUTH, SHARES, sample_weight=counts))
        assert brier == pytest.approx(
            metrics.brier_score_loss(TRUTH, SHARES, sample_weight=counts, labels=[0, 1, 2], scale_by_half=False)
        )


def test_errors_of_values_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    truth, values = RANDOM.normal(size=(120, 1)), RANDOM.normal(size=(120, 1))
    means, median = value_measures(truth, values)
    functions = {
        "mse": metrics.mean_squared_error,
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "mape": metrics.mean_absolute_percentage_error,
        "r2": metrics.r2_score,
    }
    for counts, found, (middle,) in zip(DRAWN, means.of(DRAWN), median.of(DRAWN), strict=True):
        for (metric, _, _), value in zip(means.figures, found, strict=True):
            assert value == pytest.approx(functions[metric](truth, values, sample_weight=counts)), metric
        drawn = np.repeat(np.arange(120), counts.astype(int))
        assert middle == pytest.approx(metrics.median_absolute_error(truth[drawn], values[drawn]))


def test_the_calibration_error_is_the_weighted_gap_of_each_bin() -> None:
    # Two rows at .8, one of them right; two at .95, both right: (2 * |.5 - .8| + 2 * |1 - .95|) / 4 by hand.
    shares = np.array([[0.8, 0.2], [0.8, 0.2], [0.05, 0.95], [0.95, 0.05]])
    found = probability_measures(np.array([0, 1, 1, 0]), shares).of(np.ones((1, 4)))[0]
    assert found[2] == pytest.approx((2 * 0.3 + 2 * 0.05) / 4)


def test_an_interval_of_a_mean_has_the_width_that_theory_gives_it() -> None:
    evidence = valued(np.zeros(4000), truth=np.random.default_rng(1).normal(size=4000))
    (mse,) = (r for r in RegressionQuality(resamples=400).results(evidence) if r.metric == "mse")
    assert mse.low is not None
    assert mse.high is not None
    # Squares of normal values have the variance 2.
    assert mse.high - mse.low == pytest.approx(2 * 1.96 * math.sqrt(2 / 4000), rel=0.15)


def test_nine_in_ten_intervals_and_more_hold_the_true_value() -> None:
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, size=150)
        labels = np.where(random.random(150) < 0.8, truth, 1 - truth)
        results = ClassificationQuality(resamples=200).results(classified(labels, truth=truth, classes=("a", "b")))
        (f1,) = (r for r in results if (r.metric, r.statistic) == ("f1", "macro"))
        held += f1.low is not None and f1.high is not None and f1.low <= 0.8 <= f1.high
    assert held >= 88


@pytest.mark.parametrize("sharpness", [1.0, 2.0])
def test_nine_in_ten_intervals_of_a_calibration_error_hold_it_also_where_it_is_nothing(sharpness: float) -> None:
    random = np.random.default_rng(5)

    def drawn(rows: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        # Two normal classes, 1.4 apart: the first's share is 1 / (1 + exp(-1.4 z)), and no other slope is.
        truth = random.integers(0, 2, size=rows)
        share = 1 / (1 + np.exp(-1.4 * sharpness * ((2 * truth - 1) * 0.7 + random.normal(size=rows))))
        return truth, np.stack([1 - share, share], axis=1)

    true_error = calibration_error(*drawn(200_000))
    is_held = []
    for seed in range(60):
        truth, shares = drawn(300)
        values = resampled([probability_measures(truth, shares)], 300, resamples=200, seed=seed)
        low, high = calibration_interval(
            calibration_error(truth, shares), values["calibration_error", "value", ""], shares
        )
        is_held.append(low <= true_error <= high)
    assert np.mean(is_held) >= 0.9


def calibration_error(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    (_, _, error) = probability_measures(truth, shares).of(np.ones((1, len(truth))))[0]
    return float(error)


def test_the_same_seed_gives_the_same_intervals_and_none_are_given_without_resamples() -> None:
    evidence = classified(SAID, truth=TRUTH, scores=SHARES)
    assert ClassificationQuality().results(evidence) == ClassificationQuality().results(evidence)
    assert ClassificationQuality(seed=1).results(evidence) != ClassificationQuality().results(evidence)
    counted = "accuracy", "judged_accuracy"
    plain = [r for r in ClassificationQuality(resamples=0).results(evidence) if r.metric not in counted]
    assert all(r.low is None and r.high is None for r in plain)


def test_a_figure_that_is_rarely_defined_has_no_interval() -> None:
    assert interval_of(np.array([1.0, 2.0, math.nan, math.nan])) is None
    rare = np.r_[np.zeros(99), 1].astype(int)
    measures = measures_of(classified(rare, truth=rare, classes=("a", "b")).model, rare, classified(rare).predictions)
    drawn = resampled(measures.measures, 100, resamples=50, seed=0)
    assert np.isnan(drawn["recall", "class", "b"]).any()


def test_the_same_answers_have_changes_of_nothing_and_no_evidence_of_any() -> None:
    results = list(QualityChange().results(classified(SAID, truth=TRUTH, scores=SHARES)))
    assert value_of(results, "accuracy_change") == 0
    assert value_of(results, "quality_change_p") == 1
    assert all((r.low, r.high) == (0, 0) for r in results if r.metric.endswith("_change"))


def test_a_candidate_that_loses_ten_rows_and_wins_one_is_worse_with_evidence() -> None:
    truth = np.zeros(100, dtype=int)
    native, said = np.zeros(100, dtype=int), np.zeros(100, dtype=int)
    said[:10] = 1
    native[99] = 1
    results = list(QualityChange().results(classified(said, reference=native, truth=truth, classes=("a", "b"))))
    assert value_of(results, "accuracy_change") == pytest.approx(-0.09)
    assert (value_of(results, "lost_row_count"), value_of(results, "won_row_count")) == (10, 1)
    # By hand: twice the chance of at most 1 head in 11 throws.
    assert value_of(results, "quality_change_p") == pytest.approx(2 * 12 / 2**11)
    assert value_of(results, "worst_recall_change", label="a") == pytest.approx(-0.09)
    (change,) = (r for r in results if r.metric == "accuracy_change")
    assert change.high is not None
    assert change.high < 0


def test_a_regressor_that_is_worse_in_every_row_is_worse_with_evidence() -> None:
    truth = RANDOM.normal(size=50)
    results = list(QualityChange().results(valued(truth + 0.5, reference=truth + 0.1, truth=truth)))
    assert value_of(results, "mae_change") == pytest.approx(0.4)
    (p_value,) = (r.value for r in results if r.metric == "quality_change_p")
    assert p_value is not None
    assert p_value < 1e-6


def test_a_label_that_is_no_class_counts_for_nothing_that_is_right() -> None:
    overall, _ = label_measures(np.array([0, 1, 1]), np.array([0, 1, -1]), "ab")
    values = dict(zip(overall.figures, overall.of(np.ones((1, 3)))[0], strict=True))
    truth, said = np.array(["a", "b", "b"]), np.array(["a", "b", "none"])
    assert values["accuracy", "value", ""] == pytest.approx(2 / 3)
    assert values["mcc", "value", ""] == pytest.approx(metrics.matthews_corrcoef(truth, said))


def digits_forest() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        rows, labels, test_size=0.3, random_state=0, stratify=labels
    )
    forest = RandomForestClassifier(100, random_state=0).fit(train, train_labels)
    return test_labels, forest.predict_proba(test)


def test_calibration_and_brier_score_of_a_digits_forest_are_those_that_torchmetrics_and_scikit_learn_gave() -> None:
    # torchmetrics.CalibrationError(n_bins=15, norm="l1"): .21248147; brier_score_loss(scale_by_half=False): .12112630.
    truth, shares = digits_forest()
    _, brier, error = probability_measures(truth, shares).of(np.ones((1, len(truth))))[0]
    assert brier == pytest.approx(0.12112630, abs=1e-6)
    assert error == pytest.approx(0.21248147, abs=1e-6)


def test_scores_that_differ_by_rounding_alone_have_changes_without_intervals() -> None:
    evidence = classified(SAID, truth=TRUTH, scores=SHARES, reference_scores=SHARES + 1e-7)
    (change,) = (r for r in QualityChange().results(evidence) if r.metric == "log_loss_change")
    assert change.value is not None
    assert 0 < abs(change.value) < 1e-6
    assert change.low is None


def test_a_mean_that_few_rows_make_up_says_so_and_one_of_many_says_nothing() -> None:
    random = np.random.default_rng(4)
    noise = random.normal(size=400)
    truth = random.normal(size=400)
    truth[7] = 1e-9

    usual = {one.metric: one.reason for one in RegressionQuality().results(valued(truth + noise, truth=truth))}
    noise[3] = 200.0
    wild = {one.metric: one.reason for one in RegressionQuality().results(valued(truth + noise, truth=truth))}

    assert usual["mape"].startswith("1 row of 400 makes half of it"), "it divides by nearly 0"
    assert not any(reason for metric, reason in usual.items() if metric != "mape"), usual
    assert {metric for metric, reason in wild.items() if reason.startswith("1 row of 400 makes")} == {
        *("mse", "rmse", "mape", "r2")
    }


def test_a_log_loss_of_a_few_certain_mistakes_says_so() -> None:
    truth = np.zeros(300, dtype=int)
    shares = np.tile([0.99, 0.01], (300, 1))
    shares[:2] = [1e-12, 1.0]

    found = ClassificationQuality().results(
        classified(shares.argmax(axis=1), truth=truth, scores=shares, classes=("a", "b"))
    )
    (loss,) = [one for one in found if one.metric == "log_loss"]

    assert loss.value is not None
    assert loss.reason.startswith("2 rows of 300 make half of it")
