"""Checks the indices inside loaded trees and support vector machines, and the shapes of centres of clusters.

scikit-learn follows them in compiled code without bounds checks: a crafted file would end the process or never end.
"""

from typing import Any

import numpy as np

from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.walk import held_objects

_LEAF = -1
"""sklearn.tree._tree.TREE_LEAF."""


def check_nodes(root: object) -> None:
    """Look into everything that `root` holds.

    Raises:
        ModelInvalidError: an index points outside of its array, or a tree is not a tree.

    """
    from sklearn.cluster._kmeans import _BaseKMeans
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.svm._base import BaseLibSVM
    from sklearn.tree import BaseDecisionTree

    for found in held_objects(root):
        if isinstance(found, BaseDecisionTree) and hasattr(found, "tree_"):
            _check_tree(found.tree_, found.n_features_in_)
        elif isinstance(found, BaseForest | BaseGradientBoosting) and hasattr(found, "estimators_"):
            _check_same_features(found)
        elif isinstance(found, BaseHistGradientBoosting) and hasattr(found, "_predictors"):
            for predictor in (one for stage in found._predictors for one in stage):
                _check_predictor(predictor, found.n_features_in_)
        elif isinstance(found, BaseLibSVM) and hasattr(found, "support_vectors_"):
            _check_support_vectors(found)
        elif isinstance(found, _BaseKMeans) and hasattr(found, "cluster_centers_"):
            centres = np.asarray(found.cluster_centers_)
            _require(
                centres.dtype.kind == "f" and centres.ndim == 2 and centres.shape[1] == found.n_features_in_,
                "its centres of clusters have other columns than its rows",
            )


def _check_same_features(ensemble: Any) -> None:
    for tree in np.ravel(np.asarray(ensemble.estimators_, dtype=object)):
        _require(tree.n_features_in_ == ensemble.n_features_in_, "a tree expects other features than its ensemble")


def _check_tree(tree: Any, feature_count: int) -> None:
    inner = np.flatnonzero(tree.children_left != _LEAF)
    _check_splits(
        inner,
        tree.children_left[inner],
        tree.children_right[inner],
        tree.feature[inner],
        tree.node_count,
        feature_count,
    )


def _check_predictor(predictor: Any, feature_count: int) -> None:
    nodes = predictor.nodes
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    split = nodes[inner]
    _check_splits(inner, split["left"], split["right"], split["feature_idx"], len(nodes), feature_count)
    categories = split["bitset_idx"][split["is_categorical"] != 0]
    _require(bool(np.all(categories < len(predictor.raw_left_cat_bitsets))), "a split names categories that are absent")


def _check_splits(inner: Any, left: Any, right: Any, feature: Any, node_count: int, feature_count: int) -> None:
    """Each argument but the counts has one entry for each inner node."""
    _require(node_count > 0, "a tree has no nodes")
    for child in (left.astype(np.int64), right.astype(np.int64)):
        _require(bool(np.all((child > inner) & (child < node_count))), "a child of a tree node is out of range")
    _require(bool(np.all((feature >= 0) & (feature < feature_count))), "a split of a tree uses a feature out of range")


def _check_support_vectors(svm: Any) -> None:
    count = int(np.sum(svm._n_support))
    fits = (
        svm.support_vectors_.shape[0] == svm.support_.shape[0] == svm._dual_coef_.shape[1]
        and svm._dual_coef_.shape[0] == max(len(svm._n_support) - 1, 1)
        and svm.support_vectors_.shape[1] == svm.n_features_in_
        and bool(np.all(svm._n_support >= 0))
    )
    is_classifier = hasattr(svm, "classes_")
    _require(fits and (not is_classifier or count == svm.support_.shape[0]), "its support vectors do not fit together")


def _require(is_right: bool, detail: str) -> None:
    if not is_right:
        raise ModelInvalidError(detail=detail)
