import numpy as np
import pytest

from mltest.coordinator.tests.curves import Curves, Residuals
from tests.unit.coordinator.predictions import classified, valued


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
    assert [bool(one.reason) for one in results] == [True, True]


def test_residuals_have_their_quantiles() -> None:
    results = Residuals().results(valued([1.0, 2.0, 5.0], truth=[0.0, 2.0, 3.0]))
    values = {one.label: one.value for one in results}
    assert (values["p0"], values["p50"], values["p100"]) == (0, 1, 2)
