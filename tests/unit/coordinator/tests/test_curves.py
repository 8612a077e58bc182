import numpy as np
import pytest

from mltest.coordinator.tests.curves import Curves, Residuals
from tests.unit.coordinator.predictions import classified, value_of, valued


def test_a_curve_has_the_recall_that_is_reached_at_a_rate_of_false_positives() -> None:
    # From the highest score down: hit, miss, hit, hit, miss: recall 1/3 before the first false positive, then 1.
    shares = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    scores = np.stack([1 - shares, shares], axis=1)
    evidence = classified([1, 1, 1, 1, 0], truth=[1, 0, 1, 1, 0], scores=scores, classes=("no", "yes"))
    points = {one.label: one.value for one in Curves().results(evidence) if one.metric == "roc_recall"}
    assert points["yes@0"] == pytest.approx(1 / 3)
    assert points["yes@0.3"] == pytest.approx(1 / 3)
    assert points["yes@0.5"] == 1


def test_bins_of_confidence_have_the_share_of_right_labels() -> None:
    scores = [[0.8, 0.2], [0.8, 0.2], [0.05, 0.95]]
    results = Curves().results(classified([0, 0, 1], truth=[0, 1, 1], scores=scores, classes=("no", "yes")))
    bins = {one.label: (one.value, one.count) for one in results if one.metric == "calibration_accuracy"}
    assert bins == {"0.733-0.800": (0.5, 2), "0.933-1.000": (1.0, 1)}


def test_labels_only_have_no_curve_and_say_so() -> None:
    results = Curves().results(classified([0, 1, 2], truth=[0, 1, 2]))
    assert [bool(one.reason) for one in results] == [True, True, True]


def test_residuals_have_their_quantiles() -> None:
    results = Residuals().results(valued([1.0, 2.0, 5.0], truth=[0.0, 2.0, 3.0]))
    values = {one.label: one.value for one in results}
    assert (values["p0"], values["p50"], values["p100"]) == (0, 1, 2)


def test_points_of_the_precision_recall_curve_are_the_best_precision_at_such_a_recall() -> None:
    random = np.random.default_rng(3)
    truth, scores = random.integers(2, size=80), random.random(80)
    shares = np.column_stack([1 - scores, scores])
    found = Curves().results(classified(shares.argmax(axis=1), truth=truth, scores=shares, classes=("a", "b")))
    for least in (0.3, 0.8, 1.0):
        thresholds = [at for at in scores if ((scores >= at) & (truth == 1)).sum() >= least * truth.sum() - 1e-9]
        expected = max(truth[scores >= at].mean() for at in thresholds)
        assert value_of(found, "pr_precision", "curve", f"b@{least:g}") == pytest.approx(expected)


def test_residuals_are_told_for_small_and_for_large_predictions() -> None:
    values = np.arange(100.0)
    truth = values - np.where(values < 50, 1.0, -3.0)
    found = [one for one in Residuals().results(valued(values, truth=truth)) if one.metric == "residual_mean"]
    assert [one.value for one in found] == [1.0] * 5 + [-3.0] * 5
    assert sum(one.count for one in found) == 100
    constant = Residuals().results(valued(np.ones(10), truth=np.zeros(10)))
    assert [one.value for one in constant if one.metric == "residual_mean"] == [1.0]
