"""Depth, price of a leaf and number of stages: held against models that scikit-learn trains so from the beginning."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mltest.coordinator.builder.surgery.cap_depth import cap_depth, with_depth
from mltest.coordinator.builder.surgery.cost_complexity import prune_cost_complexity, with_price
from mltest.coordinator.builder.surgery.first_stages import first_stages
from mltest.shared.errors import ConversionError
from tests.unit.coordinator.surgery.fitted import Rows, classified, valued

_HISTOGRAM = {"max_iter": 1, "max_leaf_nodes": None, "min_samples_leaf": 5, "random_state": 0}


def rows_for(estimator: Any, seed: int = 0) -> Rows:
    return classified(seed=seed) if hasattr(estimator, "predict_proba") else valued(seed=seed)


def fitted(estimator: Any) -> Any:
    found = rows_for(estimator)
    return estimator.fit(found.rows, found.truth)


def answers(estimator: Any) -> Any:
    rows = rows_for(estimator, seed=7).rows
    return estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else estimator.predict(rows)


@pytest.mark.parametrize(
    ("deep", "shallow"),
    [
        (DecisionTreeClassifier(random_state=0), DecisionTreeClassifier(random_state=0, max_depth=3)),
        (DecisionTreeRegressor(random_state=0), DecisionTreeRegressor(random_state=0, max_depth=3)),
        (
            GradientBoostingRegressor(n_estimators=1, max_depth=7, random_state=0),
            GradientBoostingRegressor(n_estimators=1, max_depth=3, random_state=0),
        ),
        (
            HistGradientBoostingRegressor(max_depth=7, **_HISTOGRAM),
            HistGradientBoostingRegressor(max_depth=3, **_HISTOGRAM),
        ),
    ],
    ids=lambda found: type(found).__name__,
)
def test_a_capped_tree_is_the_one_that_would_have_grown_no_deeper(deep: Any, shallow: Any) -> None:
    capped = cap_depth(fitted(deep), "3")
    np.testing.assert_allclose(answers(capped), answers(fitted(shallow)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(6, random_state=0),
        RandomForestRegressor(6, random_state=0),
        BaggingClassifier(DecisionTreeClassifier(), n_estimators=6, random_state=0),
        GradientBoostingClassifier(n_estimators=6, random_state=0),
        HistGradientBoostingClassifier(max_iter=6, random_state=0),
    ],
    ids=lambda found: type(found).__name__,
)
def test_a_cap_at_full_depth_changes_nothing(estimator: Any) -> None:
    whole = fitted(estimator)
    np.testing.assert_array_equal(answers(with_depth(whole, 100)), answers(whole))


@pytest.mark.parametrize("depth", range(1, 6))
def test_no_tree_is_deeper_than_the_cap(depth: int) -> None:
    whole = fitted(RandomForestClassifier(6, random_state=0))
    capped = cap_depth(whole, str(depth))
    assert {tree.get_depth() for tree in capped.estimators_} == {depth}
    assert all(tree.tree_.node_count < 2 ** (depth + 1) for tree in capped.estimators_)
    np.testing.assert_allclose(answers(capped).sum(axis=1), 1)


def test_boosting_of_classes_answers_the_mean_of_the_leaves_that_it_loses() -> None:
    whole = fitted(GradientBoostingClassifier(n_estimators=1, max_depth=4, random_state=0))
    capped = cap_depth(whole, "1")
    rows = rows_for(whole).rows
    for before, after in zip(whole.estimators_[0], capped.estimators_[0], strict=True):
        side, values = after.apply(rows), before.predict(rows)
        for leaf in np.unique(side):
            # Every training row has the same weight, so that rows stand for the weight of a leaf.
            np.testing.assert_allclose(after.predict(rows[side == leaf])[0], values[side == leaf].mean(), rtol=1e-12)


def test_a_cap_that_nothing_reaches_is_refused() -> None:
    tree = fitted(DecisionTreeClassifier(max_depth=4, random_state=0))
    with pytest.raises(ConversionError, match="the deepest tree has a depth of 4, and 9 is allowed"):
        cap_depth(tree, "9")


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_a_price_for_leaves_gives_the_tree_that_scikit_learn_prunes_while_it_fits(kind: Any) -> None:
    whole = fitted(kind(random_state=0))
    found = rows_for(whole)
    path = kind(random_state=0).cost_complexity_pruning_path(found.rows, found.truth).ccp_alphas
    for low, high in zip(path[::9], path[1::9], strict=False):
        alpha = (low + high) / 2
        expected = fitted(kind(random_state=0, ccp_alpha=alpha))
        pruned = with_price(whole, alpha)
        assert pruned.get_n_leaves() == expected.get_n_leaves()
        np.testing.assert_array_equal(answers(pruned), answers(expected))


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(6, random_state=0),
        DecisionTreeRegressor(random_state=0),
        GradientBoostingClassifier(n_estimators=4, random_state=0),
    ],
    ids=lambda found: type(found).__name__,
)
def test_no_more_leaves_stay_than_are_allowed(estimator: Any) -> None:
    def leaf_count(found: Any) -> int:
        trees = np.ravel(getattr(found, "estimators_", [found]))
        return sum(int(tree.get_n_leaves()) for tree in trees)

    whole = fitted(estimator)
    pruned = prune_cost_complexity(whole, "1/2")
    assert leaf_count(whole) / 4 < leaf_count(pruned) <= round(leaf_count(whole) / 2)
    assert answers(pruned).shape == answers(whole).shape


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        GradientBoostingRegressor(n_estimators=10, random_state=0),
        HistGradientBoostingClassifier(max_iter=10, random_state=0),
        HistGradientBoostingRegressor(max_iter=10, random_state=0),
    ],
    ids=lambda found: type(found).__name__,
)
def test_the_first_stages_are_what_the_model_was_after_them(estimator: Any) -> None:
    whole = fitted(estimator)
    rows = rows_for(whole, seed=7).rows
    staged = whole.staged_predict_proba if hasattr(whole, "predict_proba") else whole.staged_predict
    np.testing.assert_array_equal(answers(first_stages(whole, "4")), list(staged(rows))[3])


@pytest.mark.parametrize("change", [cap_depth, prune_cost_complexity, first_stages])
def test_what_weighs_its_trees_is_refused_by_name(change: Callable[[Any, str], Any]) -> None:
    weighted = fitted(AdaBoostClassifier(n_estimators=4, random_state=0))
    with pytest.raises(ConversionError, match="this is AdaBoostClassifier"):
        change(weighted, "1/2")


def test_histogram_boosting_keeps_no_impurities() -> None:
    with pytest.raises(ConversionError, match="this is HistGradientBoostingClassifier"):
        prune_cost_complexity(fitted(HistGradientBoostingClassifier(max_iter=2)), "1/2")
