"""Exact radii of tree ensembles: against integer programming, our own bound, and the models themselves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.disturbance.radii import Radius, is_open
from mltest.coordinator.builder.judging.ensembles.tree_radius import certified_radii
from mltest.coordinator.builder.judging.measures.said import labels_of
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.opened_model import opened_library_model
from mltest.coordinator.tests.robustness import TreeRadius
from tests.unit.coordinator.examined import evidence_of, value_of
from tests.unit.coordinator.kantchelian import optimum

pytest.importorskip("veritas", reason="pip install 'mltest-fleet[trees]'")
from mltest.coordinator.builder.judging.ensembles.tree_search import TreeSearch

IRIS, KINDS = load_iris(return_X_y=True)


def searched(
    evidence: ModelEvidence, rows: range, ranges: NDArray[np.float64], limit_s: float = 20
) -> tuple[list[Radius], NDArray[np.float64]]:
    """Return what the search says of `rows`, and our own bound."""
    ensemble = read_ensemble(ExportSource(path=evidence.path, info=evidence.model, native=evidence.native))
    labels = labels_of(evidence.reference)
    search = TreeSearch(ensemble, evidence.rows, labels, ranges, lambda asked: labels_of(evidence.predict(asked)))
    bounds = certified_radii(ensemble, evidence.rows[rows.start : rows.stop], ranges)
    found = [search.radius(row, float(bound), limit_s) for row, bound in zip(rows, bounds, strict=True)]
    return found, bounds


def problem(seed: int, rows: int = 80) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    values = random.random((rows, 4)).astype(np.float32)
    return values, (values[:, 0] + values[:, 1] * values[:, 2] > 0.8).astype(np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_a_forest_has_the_radius_of_the_optimum_of_integer_programming(seed: int) -> None:
    rows, truth = problem(seed)
    forest = RandomForestClassifier(3, max_depth=3, random_state=seed).fit(rows, truth)
    found, bounds = searched(evidence_of(forest, rows), range(1), np.ones(4))
    label = int(forest.predict(rows[:1])[0])
    trees = [one.tree_ for one in forest.estimators_]
    margins = [one.value[:, 0, 1 - label] - one.value[:, 0, label] for one in trees]
    # Of classes with as many votes the first is chosen.
    least = -1e-7 if label == 1 else 1e-7
    check(found[0], float(bounds[0]), optimum(trees, margins, 0.0, rows[0].astype(np.float64), least))


@pytest.mark.parametrize("seed", range(5))
def test_boosting_has_the_radius_of_the_optimum_of_integer_programming(seed: int) -> None:
    rows, truth = problem(seed)
    model = GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=seed).fit(rows, truth)
    found, bounds = searched(evidence_of(model, rows), range(1), np.ones(4))
    sign = 1.0 if model.predict(rows[:1])[0] == 0 else -1.0
    trees = [one.tree_ for one in model.estimators_.ravel()]
    margins = [sign * model.learning_rate * one.value[:, 0, 0] for one in trees]
    base = sign * float(model._raw_predict_init(rows[:1])[0, 0])
    check(found[0], float(bounds[0]), optimum(trees, margins, base, rows[0].astype(np.float64)))


def check(found: Radius, bound: float, expected: float) -> None:
    """Hold the search against the optimum, and our own bound against both."""
    assert bound <= found.lower * (1 + 1e-6)
    assert found.lower == pytest.approx(expected, abs=1e-5)
    assert found.upper == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(8, max_depth=4, random_state=0),
        ExtraTreesClassifier(8, max_depth=4, random_state=0),
        GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0),
        HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=6, random_state=0),
    ],
)
def test_three_classes_have_bounds_that_meet_or_are_ties(model: Any) -> None:
    evidence = evidence_of(model.fit(IRIS, KINDS), IRIS, KINDS)
    found, bounds = searched(evidence, range(48, 53), column_ranges(IRIS))
    for one, bound in zip(found, bounds, strict=True):
        assert bound * (1 - 1e-6) <= one.lower <= one.upper < 1
    # Equal votes for two classes are proved to be neither.
    assert sum(is_open(one.lower, one.upper) for one in found) <= 1


def test_missing_values_stay_missing() -> None:
    rows, truth = problem(0)
    rows[::3, 1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=8, random_state=0).fit(rows, truth)
    evidence = replace(evidence_of(model, rows, truth), reference=evidence_of(model, rows, truth).predict(rows))
    found, bounds = searched(evidence, range(6), column_ranges(rows))
    for one, bound in zip(found, bounds, strict=True):
        assert bound * (1 - 1e-6) <= one.lower <= one.upper


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_files_of_other_libraries_are_searched_as_well(library: str, tmp_path: Path) -> None:
    module = pytest.importorskip(library, reason=f"pip install 'mltest-fleet[runtimes-{library}]'")
    rows, truth = problem(1, 200)
    if library == "xgboost":
        path, name = tmp_path / "model.ubj", "xgboost-ubj"
        module.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1).fit(rows, truth).save_model(path)
    else:
        path, name = tmp_path / "model.txt", "lightgbm"
        made = module.LGBMClassifier(n_estimators=10, num_leaves=7, n_jobs=1, verbosity=-1).fit(rows, truth)
        made.booster_.save_model(path)
    opened = opened_library_model(path, name)
    plain = evidence_of(RandomForestClassifier(1).fit(rows, truth), rows, truth)
    evidence = replace(
        plain, model=opened.info, native=None, path=path, reference=opened.predict(rows), predict=opened.predict
    )
    found, bounds = searched(evidence, range(6), np.ones(4))
    for one, bound in zip(found, bounds, strict=True):
        assert bound * (1 - 1e-6) <= one.lower
        assert not is_open(one.lower, one.upper)


@pytest.mark.parametrize("kind", ["boosting", pytest.param("forest", marks=pytest.mark.long)])
def test_breast_cancer_has_the_mean_distance_that_veritas_gave(kind: str) -> None:
    # Scaled to 0..1, 30 % held out, the first 50 right ones, by Veritas' own conversion and search.
    rows, truth = load_breast_cancer(return_X_y=True)
    train, test, train_truth, test_truth = train_test_split(rows, truth, test_size=0.3, random_state=0, stratify=truth)
    scaler = MinMaxScaler().fit(train)
    model, expected = {
        "forest": (RandomForestClassifier(50, max_depth=5, random_state=0), 0.10624),
        "boosting": (GradientBoostingClassifier(n_estimators=50, max_depth=3, random_state=0), 0.10632),
    }[kind]
    held_out = scaler.transform(test).astype(np.float32)
    evidence = evidence_of(model.fit(scaler.transform(train), train_truth), held_out, test_truth)
    right = np.flatnonzero(evidence.reference.labels == test_truth)[:50]
    both = [searched(evidence, range(row, row + 1), np.ones(30))[0][0] for row in right.tolist()]
    assert np.mean([one.upper for one in both]) == pytest.approx(expected, abs=5e-5)


def test_the_test_names_bounds_exact_only_where_all_of_them_meet() -> None:
    evidence = evidence_of(GradientBoostingClassifier(n_estimators=5).fit(IRIS, KINDS), IRIS, KINDS)
    results = list(TreeRadius(rows=8).examine(evidence))
    assert value_of(results, "attack_count", statistic="verified") == 8
    assert value_of(results, "not_finished_count") == 0
    lower = value_of(results, "radius_certified", statistic="median")
    assert lower == value_of(results, "radius_exact", statistic="median")
    assert {one.statistic for one in results if one.metric == "robust_accuracy"} == {"exact"}


def test_a_row_without_time_keeps_the_bounds_that_it_has() -> None:
    evidence = evidence_of(RandomForestClassifier(20, random_state=0).fit(IRIS, KINDS), IRIS, KINDS)
    found, bounds = searched(evidence, range(50, 53), column_ranges(IRIS), limit_s=0.0)
    for one, bound in zip(found, bounds, strict=True):
        assert one.lower == pytest.approx(bound)
        assert one.lower < one.upper < np.inf
