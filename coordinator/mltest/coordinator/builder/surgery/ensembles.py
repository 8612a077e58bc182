"""Which part of a fitted estimator holds the trees, and which estimators a transform can take apart."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.tree_arrays import with_leaves
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator


def with_final(estimator: Estimator, change: Callable[[Estimator], None]) -> Estimator:
    """Return a deep copy of `estimator`; `change` was called with its final estimator (of a pipeline, of a search).

    Its trees are copied so that the same model gives the same bytes: `copy` takes along whatever stands in memory
    between their fields.
    """
    trees = [tree.tree_ for tree in fitted_trees(final_estimator(estimator))]
    copied = copy.deepcopy(estimator, {id(tree): with_leaves(tree, tree.children_left < 0) for tree in trees})
    change(final_estimator(copied))
    return copied


def rows_before_final(estimator: Estimator, rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return `rows` (rows, features) as the final estimator gets them: through every step before it."""
    from sklearn.pipeline import Pipeline

    while True:
        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                rows = estimator[:-1].transform(rows)
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return np.asarray(rows)


def is_forest(final: Estimator) -> bool:
    """Return whether it is a random forest or extra trees: the mean of its trees."""
    from sklearn.ensemble._forest import ForestClassifier, ForestRegressor

    return isinstance(final, ForestClassifier | ForestRegressor)


def is_bagging(final: Estimator) -> bool:
    """Return whether it is the mean of estimators that each see some of the features."""
    from sklearn.ensemble import BaggingClassifier, BaggingRegressor

    return isinstance(final, BaggingClassifier | BaggingRegressor)


def is_tree(final: Estimator) -> bool:
    """Return whether it is one decision tree."""
    from sklearn.tree import BaseDecisionTree

    return isinstance(final, BaseDecisionTree)


def is_gradient_boosting(final: Estimator) -> bool:
    """Return whether it is gradient boosting with exact splits."""
    from sklearn.ensemble._gb import BaseGradientBoosting

    return isinstance(final, BaseGradientBoosting)


def is_histogram_boosting(final: Estimator) -> bool:
    """Return whether it is gradient boosting with histograms."""
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting

    return isinstance(final, BaseHistGradientBoosting)


def averaged_trees(final: Estimator) -> list[Any]:
    """Return the decision trees whose mean `final` is; empty if it is no such thing."""
    members = [final] if is_tree(final) else list(final.estimators_) if is_forest(final) or is_bagging(final) else []
    return members if all(is_tree(member) for member in members) else []


def fitted_trees(final: Estimator) -> list[Any]:
    """Return the decision trees that `final` is made of, averaged or added; empty if there are none."""
    return list(final.estimators_.ravel()) if is_gradient_boosting(final) else averaged_trees(final)


def member_features(final: Estimator) -> Sequence[Any]:
    """Return for each averaged tree which features it sees, as an index; a tree of a forest sees all of them."""
    if is_bagging(final):
        return [np.asarray(features) for features in final.estimators_features_]
    return [slice(None)] * (1 if is_tree(final) else len(final.estimators_))


def refusal(transform: str, final: Estimator, takes: str) -> ConversionError:
    """Return why `transform` does not take `final`."""
    return ConversionError(converter=transform, detail=f"it takes {takes}, this is {type(final).__name__}")
