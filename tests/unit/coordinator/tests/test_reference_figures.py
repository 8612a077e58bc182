"""Figures that others published, reproduced by the tests of this project."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from mltest.coordinator.builder.judging.measures.group_figures import class_groups
from mltest.coordinator.tests.model_properties import SupportVectors
from mltest.coordinator.tests.quality import ClassificationQuality
from tests.unit.coordinator import examined
from tests.unit.coordinator.predictions import classified, value_of


def test_digits_are_recognised_as_the_documentation_of_scikit_learn_prints() -> None:
    # Example "Recognizing hand-written digits": gamma = 0.001, the first half trains, accuracy 0.97 of 899 rows.
    rows, truth = load_digits(return_X_y=True)
    machine = SVC(gamma=0.001).fit(rows[:898], truth[:898])
    said = machine.predict(rows[898:])
    classes = tuple(str(digit) for digit in range(10))
    results = list(ClassificationQuality(resamples=0).results(classified(said, truth=truth[898:], classes=classes)))
    assert value_of(results, "accuracy") == pytest.approx(0.96885, abs=5e-6)
    assert round(value_of(results, "f1", "macro") or 0.0, 2) == 0.97
    found = SupportVectors().examine(examined.evidence_of(machine, rows[898:], truth[898:]))
    assert examined.value_of(list(found), "support_vector_count") == 519


def test_iris_has_the_accuracies_of_the_user_guide_in_five_parts() -> None:
    # User guide of scikit-learn, "Cross-validation": SVC(kernel="linear", C=1).
    rows, truth = load_iris(return_X_y=True)
    found = []
    for train, held_out in StratifiedKFold(5).split(rows, truth):
        said = SVC(kernel="linear", C=1).fit(rows[train], truth[train]).predict(rows[held_out])
        results = list(ClassificationQuality(resamples=0).results(classified(said, truth=truth[held_out])))
        found.append(value_of(results, "accuracy"))
    assert found == pytest.approx([0.967, 1.0, 0.967, 0.967, 1.0], abs=5e-4)


def test_groups_are_judged_as_by_fairlearn() -> None:
    reason = "pip install fairlearn makes it run"
    metrics = pytest.importorskip("fairlearn.metrics", reason=reason)
    random = np.random.default_rng(0)
    truth, said = random.integers(2, size=(2, 300))
    groups = np.array(["a", "b", "c"])[random.integers(3, size=300)]
    evidence = replace(classified(said, truth=truth, classes=("no", "yes")), groups=groups)
    found = {(one.metric, one.label): one.value for one in class_groups(evidence, min_rows=1)}
    for name, ours in (
        ("demographic_parity_difference", "demographic_parity_difference"),
        ("demographic_parity_ratio", "demographic_parity_ratio"),
        ("equalized_odds_difference", "equalized_odds_difference"),
    ):
        expected = getattr(metrics, name)(truth, said, sensitive_features=groups)
        assert next(value for (metric, _), value in found.items() if metric == ours) == pytest.approx(expected)
    frame = metrics.MetricFrame(metrics=metrics.selection_rate, y_true=truth, y_pred=said, sensitive_features=groups)
    for group, rate in frame.by_group.items():
        assert found["group_selection_rate", f"{group}: yes"] == pytest.approx(rate)
