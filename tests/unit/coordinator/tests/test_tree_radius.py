from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.disturbance.label_attack import LabelAttack
from mltest.coordinator.builder.judging.ensembles import tree_radius_facts
from mltest.coordinator.builder.judging.ensembles.tree_radius import certified_radii, ensemble_labels
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.tests.robustness import TreeRadius
from tests.unit.coordinator.examined import evidence_of, only, value_of

IRIS, KINDS = load_iris(return_X_y=True)
SMALL = {
    "forest": RandomForestClassifier(5, max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, max_depth=3, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=8, random_state=0),
    "tree": DecisionTreeClassifier(max_depth=5, random_state=0),
}


def radii_of(evidence: ModelEvidence, ranges: NDArray[np.float64]) -> NDArray[np.float64]:
    source = ExportSource(path=evidence.path, info=evidence.model, native=evidence.native)
    ensemble = read_ensemble(source)
    np.testing.assert_array_equal(ensemble_labels(ensemble, evidence.rows), evidence.reference.labels)
    return certified_radii(ensemble, evidence.rows, ranges)


def test_a_tree_is_as_far_as_its_nearest_threshold_that_matters() -> None:
    # Splits at 0.5 and 1.5: the middle row is 0.5 of the range 2 from both, the outer ones as well.
    rows = np.array([[0.0], [1.0], [2.0]])
    tree = DecisionTreeClassifier().fit(rows, [0, 1, 0])
    found = radii_of(evidence_of(tree, rows), column_ranges(rows))
    assert found == pytest.approx([0.25, 0.25, 0.25], abs=1e-6)


def test_the_radius_of_a_tree_is_that_of_a_search_through_all_cells() -> None:
    random = np.random.default_rng(0)
    for _ in range(10):
        rows, truth = random.random((40, 2)), random.integers(0, 2, 40)
        tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, truth)
        found = radii_of(evidence_of(tree, rows), np.ones(2))
        grids = [np.unique(tree.tree_.threshold[tree.tree_.feature == column]) for column in range(2)]
        cells = [np.r_[-9.0, grid, 9.0] for grid in grids]
        for row, radius in zip(rows[:10], found[:10], strict=True):
            assert radius == pytest.approx(nearest_other(tree, row, cells), abs=1e-6)


def nearest_other(tree: Any, row: NDArray[np.float64], cells: list[NDArray[np.float64]]) -> float:
    """Return the distance to the nearest cell of the grid of thresholds with another label."""
    label, best = tree.predict(row[None])[0], np.inf
    for low_x, high_x in zip(cells[0], cells[0][1:], strict=False):
        for low_y, high_y in zip(cells[1], cells[1][1:], strict=False):
            middle = np.array([[(low_x + high_x) / 2, (low_y + high_y) / 2]])
            if tree.predict(middle)[0] != label:
                gaps = (low_x - row[0], row[0] - high_x, low_y - row[1], row[1] - high_y, 0.0)
                best = min(best, max(gaps))
    return float(best)


def test_a_tree_on_breast_cancer_has_the_mean_distance_that_veritas_gave() -> None:
    # DecisionTree of depth 5, scaled to 0..1, first 50 right ones of 30 % held out: .10415, accuracy .9123.
    rows, truth = load_breast_cancer(return_X_y=True)
    train, test, train_truth, test_truth = train_test_split(rows, truth, test_size=0.3, random_state=0, stratify=truth)
    scaler = MinMaxScaler().fit(train)
    tree = DecisionTreeClassifier(max_depth=5, random_state=0).fit(scaler.transform(train), train_truth)
    held_out = scaler.transform(test).astype(np.float32)
    evidence = evidence_of(tree, held_out, test_truth)
    right = np.flatnonzero(evidence.reference.labels == test_truth)
    assert len(right) / len(test_truth) == pytest.approx(0.9123, abs=1e-4)
    found = radii_of(evidence, np.ones(30))[right[:50]]
    assert found.mean() == pytest.approx(0.10415, abs=1e-5)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("problems", [1, pytest.param(20, marks=pytest.mark.long)])
def test_no_attack_breaks_a_bound(name: str, problems: int) -> None:
    for seed in range(problems):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(150, 4))
        truth = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int) + (rows[:, 3] > 0.8)
        model = SMALL[name].fit(rows, truth)
        evidence = evidence_of(model, rows, truth)
        certified = radii_of(evidence, column_ranges(rows))
        attack = LabelAttack(evidence, seed)
        count = 15
        found = np.array([attack.radius(row, 10) for row in range(count)])
        assert (found >= certified[:count] * (1 - 1e-6)).all()
        assert np.median(certified) > 0
        if name == "tree":
            assert np.median(found / certified[:count]) < 1.5


def test_without_veritas_one_tree_is_exact_and_several_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_radius_facts, "VERITAS", "a-package-that-nobody-has")
    for name, word, metric in (("tree", "exact", "radius_exact"), ("forest", "at least", "radius_certified")):
        evidence = evidence_of(SMALL[name].fit(IRIS, KINDS), IRIS, KINDS)
        results = list(TreeRadius(rows=10).examine(evidence))
        assert value_of(results, metric, statistic="median") > 0
        assert {one.statistic for one in results if one.metric == "robust_accuracy"} == {word}
    assert "pip install 'mltest-fleet[trees]'" in only(results, "radius_exact").reason


def test_rows_that_the_budget_does_not_reach_are_counted() -> None:
    evidence = replace(evidence_of(SMALL["forest"].fit(IRIS, KINDS), IRIS, KINDS), started_s=-1e9)
    results = list(TreeRadius(rows=10, budget_s=1).examine(evidence))
    assert value_of(results, "not_finished_count") == 10
    assert "in time" in only(results, "radius_certified").reason


def test_rows_that_nothing_can_change_and_rows_that_are_all_wrong_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SMALL["forest"].fit(IRIS, KINDS)
    monkeypatch.setattr(tree_radius_facts, "VERITAS", "a-package-that-nobody-has")
    alone = list(TreeRadius(rows=10).examine(evidence_of(model, IRIS[:1], KINDS[:1])))
    assert (
        only(alone, "radius_certified", statistic="median").reason == "no change of these rows can change their label"
    )
    none_right = list(TreeRadius().examine(evidence_of(model, IRIS[:5], np.ones(5, dtype=int))))
    assert only(none_right, "radius_certified").reason == "no row has the right label"


@pytest.mark.parametrize("file_format", ["catboost", "onnx"])
def test_trees_of_a_file_that_is_not_read_are_not_said_to_be_damaged(file_format: str) -> None:
    evidence = evidence_of(SMALL["forest"].fit(IRIS, KINDS), IRIS, KINDS)
    other = replace(evidence, native=None, model=replace(evidence.model, format=file_format))
    reason = only(list(TreeRadius().examine(other)), "radius_certified").reason
    assert reason == (
        f"its trees cannot be read: trees are read of scikit-learn, XGBoost and LightGBM, this is a {file_format} file."
    )
