"""Shapley values, held against their definition: every subset of the features, one by one."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Tree
from mltest.coordinator.builder.judging.importance.library_shap import catboost_shares, lightgbm_shares, xgboost_shares
from mltest.coordinator.builder.judging.importance.tree_shap import tree_contributions
from mltest.coordinator.tests.importance import ShapImportance
from tests.unit.coordinator.examined import evidence_of, only

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


def grown(random: np.random.Generator, depth: int, feature_count: int) -> Tree:
    """Return a whole tree with random comparisons; one feature is compared several times on a way."""
    inner = 2**depth - 1
    count = 2 * inner + 1
    features = [int(random.integers(feature_count)) if node < inner else LEAF for node in range(count)]
    return Tree(
        features=tuple(features),
        thresholds=tuple(float(value) for value in random.normal(size=count)),
        lefts=tuple(2 * node + 1 if node < inner else LEAF for node in range(count)),
        rights=tuple(2 * node + 2 if node < inner else LEAF for node in range(count)),
        misses_left=tuple(bool(value) for value in random.integers(2, size=count)),
        values=tuple(() if node < inner else tuple(random.normal(size=2).tolist()) for node in range(count)),
    )


def expected_value(
    tree: Tree, row: NDArray[np.float64], background: NDArray[np.float64], known: set[int]
) -> list[float]:
    """Return what a tree says when only some features are known, by its definition, node after node."""

    def below(node: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        feature = tree.features[node]
        if feature == LEAF:
            return np.array(tree.values[node])

        def left(values: NDArray[np.float64]) -> NDArray[np.bool_]:
            return np.where(np.isnan(values), tree.misses_left[node], values <= tree.thresholds[node])

        goes = left(rows[:, feature])
        low, high = below(tree.lefts[node], rows[goes]), below(tree.rights[node], rows[~goes])
        if feature in known:
            return low if left(row[feature : feature + 1])[0] else high
        share = goes.mean() if len(rows) else 0.5
        return share * low + (1 - share) * high

    return [float(value) for value in below(0, background)]


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_trees_are_the_shapley_values_of_every_subset(seed: int) -> None:
    random, count = np.random.default_rng(seed), 5
    trees = tuple(grown(random, depth, count) for depth in (1, 3, 5))
    ensemble = Ensemble(
        feature_count=count, input_type="float64", sum_type="float64", base_scores=(0.25, -1.0), trees=trees, divisor=3
    )
    rows, background = random.normal(size=(3, count)), random.normal(size=(12, count))
    rows[0, 2] = background[1, 3] = np.nan
    found = tree_contributions(ensemble, rows, background)
    for at, row in enumerate(rows):
        values = {
            known: sum(np.array(expected_value(tree, row, background, set(known))) for tree in trees) / 3
            for size in range(count + 1)
            for known in combinations(range(count), size)
        }
        for feature in range(count):
            others = [known for known in values if feature not in known]
            weights = [
                math.factorial(len(known)) * math.factorial(count - len(known) - 1) / math.factorial(count)
                for known in others
            ]
            with_it = [tuple(sorted((*known, feature))) for known in others]
            expected = sum(
                weight * (values[after] - values[before])
                for weight, before, after in zip(weights, others, with_it, strict=True)
            )
            assert found.values[at, feature] == pytest.approx(expected, abs=1e-12)
        assert found.base == pytest.approx(values[()] + np.array([0.25, -1.0]) / 3)


MODELS = [
    (DecisionTreeClassifier(max_depth=4, random_state=0), IRIS),
    (RandomForestClassifier(5, random_state=0), IRIS),
    (ExtraTreesClassifier(5, max_depth=6, random_state=0), CANCER),
    (RandomForestRegressor(3, random_state=0), DIABETES),
    (GradientBoostingClassifier(n_estimators=4, random_state=0), CANCER),
    (GradientBoostingClassifier(n_estimators=3, random_state=0), IRIS),
    (GradientBoostingRegressor(n_estimators=4, random_state=0), DIABETES),
    (HistGradientBoostingClassifier(max_iter=4, random_state=0), CANCER),
    (LinearRegression(), DIABETES),
    (make_pipeline(StandardScaler(), LogisticRegression()), IRIS),
    (make_pipeline(StandardScaler(), LinearSVC()), CANCER),
    (make_pipeline(StandardScaler(), SVC(kernel="linear")), CANCER),
]


@pytest.mark.parametrize(("estimator", "data"), MODELS, ids=lambda found: type(found).__name__)
def test_shares_add_up_to_what_the_model_says(
    estimator: object, data: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    rows, truth = data
    fitted = estimator.fit(rows, truth)  # type: ignore[attr-defined]  # scikit-learn has no types
    results = ShapImportance(rows=20, background_rows=50).examine(evidence_of(fitted, rows[:60], truth[:60]))
    gap = only(results, "shap_additivity_gap")
    assert gap.value is not None
    assert gap.value < 1e-6 * max(1.0, np.abs(truth).max())
    found = [one for one in results if one.metric == "shap_importance"]
    assert len(found) == min(20, rows.shape[1])
    assert all(one.value is not None and one.statistic == gap.statistic for one in found)


def test_a_feature_that_no_tree_compares_has_no_share_and_the_one_that_counts_has_the_largest() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 3))
    forest = RandomForestRegressor(5, max_depth=3, random_state=0).fit(rows[:, :2], 3 * rows[:, 1])
    results = ShapImportance().examine(evidence_of(forest, rows[:, :2], rows[:, 1]))
    first = next(one for one in results if one.metric == "shap_importance")
    assert first.label == "1"
    assert first.low is not None
    assert first.value is not None
    assert first.low > 10 * next(one.value or 0.0 for one in results if one.label == "0")


def test_a_model_that_is_neither_trees_nor_linear_says_so() -> None:
    (found,) = ShapImportance().examine(evidence_of(KNeighborsClassifier().fit(*IRIS), *IRIS))
    assert found.value is None
    assert "KNeighborsClassifier is neither" in found.reason
    (found,) = ShapImportance().examine(evidence_of(SVC(kernel="linear").fit(*IRIS), *IRIS))
    assert "pairs of classes" in found.reason


def test_the_libraries_own_shares_add_up_as_well(tmp_path: Path) -> None:
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    rows, truth = IRIS
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(rows, truth), 3)
    booster.save_model(tmp_path / "model.json")
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    lightgbm.train(settings, lightgbm.Dataset(rows, truth > 1), 3).save_model(tmp_path / "model.txt")
    files = tmp_path / "model.json", tmp_path / "model.txt"
    for explain, outputs in ((xgboost_shares(files[0]), 3), (lightgbm_shares(files[1]), 1)):
        values, gap, largest = explain(rows[:7])
        assert values.shape == (7, 4, outputs)
        assert gap < 1e-5 * max(largest, 1.0)
        assert np.abs(values).max() > 0.01


def test_catboosts_own_shares_add_up_as_well(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost", reason="pip install 'mltest-fleet[runtimes-catboost]' makes it run")
    model = catboost.CatBoostClassifier(iterations=3, depth=3, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(*IRIS).save_model(tmp_path / "model.cbm")
    values, gap, _ = catboost_shares(tmp_path / "model.cbm")(IRIS[0][:7])
    assert values.shape == (7, 4, 3)
    assert gap < 1e-6
