"""Leaves fitted anew: better on the rows that they are fitted to, and never anything but shares where they were."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mltest.coordinator.builder.surgery.leaf_refinement import refined
from mltest.shared.errors import ConversionError
from tests.unit.coordinator.surgery.fitted import classified, selection_of, valued

_CLASSES, _VALUES = selection_of(classified(200, seed=1)), selection_of(valued(200, seed=1))


def fitted(estimator: Any) -> Any:
    found = classified() if hasattr(estimator, "predict_proba") else valued()
    return estimator.fit(found.rows, found.truth)


@pytest.mark.parametrize("pull", [None, 0.1, 10.0])
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(8, max_depth=3, random_state=0),
        ExtraTreesClassifier(8, max_depth=3, random_state=0),
        BaggingClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=8, max_features=0.6, random_state=0),
        DecisionTreeClassifier(max_depth=3, random_state=0),
    ],
    ids=lambda found: type(found).__name__,
)
def test_refined_classes_err_less_where_they_were_refined_and_stay_shares(estimator: Any, pull: float | None) -> None:
    whole = fitted(estimator)
    after = refined(whole, _CLASSES, pull=pull).predict_proba(_CLASSES.rows)
    before = whole.predict_proba(_CLASSES.rows)
    assert ((after - _CLASSES.target) ** 2).sum() < ((before - _CLASSES.target) ** 2).sum()
    assert after.min() >= 0
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("kind", [RandomForestRegressor(8, max_depth=3, random_state=0), DecisionTreeRegressor()])
def test_refined_values_err_less_where_they_were_refined(kind: Any) -> None:
    whole = fitted(kind)
    target = _VALUES.target[:, 0]
    after, before = refined(whole, _VALUES).predict(_VALUES.rows), whole.predict(_VALUES.rows)
    assert ((after - target) ** 2).sum() < ((before - target) ** 2).sum()


def test_refined_values_are_the_solution_of_least_squares() -> None:
    whole = fitted(RandomForestRegressor(3, max_depth=2, random_state=0))
    leaves = whole.apply(_VALUES.rows)
    columns = [(tree, leaf) for tree in range(3) for leaf in np.flatnonzero(whole.estimators_[tree].tree_.feature < 0)]
    matrix = np.array([[leaves[row, tree] == leaf for tree, leaf in columns] for row in range(200)]) / 3
    start = np.array([whole.estimators_[tree].tree_.value[leaf, 0, 0] for tree, leaf in columns])
    weight = 10.0 / 3
    square = matrix.T @ matrix + weight * np.eye(len(columns))
    expected = np.linalg.solve(square, matrix.T @ _VALUES.target[:, 0] + weight * start)
    after = refined(whole, _VALUES, pull=10.0).predict(_VALUES.rows)
    np.testing.assert_allclose(after, matrix @ expected, atol=1e-3)


def test_one_tree_answers_a_mean_of_its_old_value_and_the_rows() -> None:
    whole = fitted(DecisionTreeRegressor(max_depth=1, random_state=0))
    side, pull = whole.apply(_VALUES.rows), 4.0
    after = refined(whole, _VALUES, pull=pull)
    for leaf in np.unique(side):
        old, target = whole.tree_.value[leaf, 0, 0], _VALUES.target[side == leaf, 0]
        expected = (target.sum() + pull * old) / (len(target) + pull)
        np.testing.assert_allclose(after.tree_.value[leaf, 0, 0], expected, rtol=1e-9)


def test_no_split_changes() -> None:
    whole = fitted(RandomForestClassifier(4, max_depth=3, random_state=0))
    after = refined(whole, _CLASSES)
    for old, new in zip(whole.estimators_, after.estimators_, strict=True):
        np.testing.assert_array_equal(old.tree_.threshold, new.tree_.threshold)
        np.testing.assert_array_equal(old.tree_.feature, new.tree_.feature)


def test_boosting_is_refused_by_name() -> None:
    with pytest.raises(ConversionError, match="this is GradientBoostingClassifier"):
        refined(fitted(GradientBoostingClassifier(n_estimators=2)), _CLASSES)
