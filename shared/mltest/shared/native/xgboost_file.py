"""Reads what a file of XGBoost says, and checks its trees, before the library opens it.

Source: doc/model.schema of XGBoost 3.2.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.library_model import ModelFacts
from mltest.shared.native.linked_nodes import check_children, check_features, integers, require
from mltest.shared.native.ubjson import read_ubjson

LINEAR = "gblinear"
_MAX_FEATURES = 1 << 24
_MAX_OUTPUTS = 1 << 16
_CLASSIFIERS = {
    "binary:logistic": Output.PROBABILITIES,
    "binary:logitraw": Output.SCORES,
    "binary:hinge": Output.LABELS,
    "multi:softprob": Output.PROBABILITIES,
    "multi:softmax": Output.LABELS,
}
"""By objective: what the usual call gives."""
_LEAF = -1
_CATEGORICAL = 1

Document = Mapping[str, Any]


def read_xgboost(path: Path) -> Document:
    """Return the learner in `path`; see `learner_in`."""
    return learner_in(path.read_bytes())


def learner_in(content: bytes) -> Document:
    """Return the learner in a file's content, JSON or UBJSON, as nested dictionaries, its trees checked.

    Raises:
        ModelInvalidError: it is damaged, or an index in it is out of range.

    """
    try:
        is_json = content.lstrip()[1:].lstrip()[:1] in (b'"', b"}")
        document: Any = json.loads(content) if is_json else read_ubjson(content)
    except (ValueError, RecursionError) as error:
        raise ModelInvalidError(detail=f"the XGBoost file is damaged, or a part of one ({error})") from error
    try:
        _check(document["learner"])
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ModelInvalidError(detail=f"the XGBoost file is not complete ({type(error).__name__}: {error})") from error
    learner: Document = document["learner"]
    return learner


def facts_of_xgboost(learner: Document) -> ModelFacts:
    """Return what a checked document says of its model.

    Raises:
        ModelUnsupportedError: it gives several labels for each row.

    """
    objective, booster = str(learner["objective"]["name"]), str(learner["gradient_booster"]["name"])
    shape, output = learner["learner_model_param"], _CLASSIFIERS.get(objective)
    if output and int(shape.get("num_target", 1)) > 1:
        raise ModelUnsupportedError(detail=f"an XGBoost model with {objective} gives several labels for each row")
    class_count = max(int(shape["num_class"]), 2) if output else 0
    names = learner.get("feature_names") or ()
    return ModelFacts(
        family=_family(learner),
        kind=f"XGBoost {booster} {objective}",
        task=Task.CLASSIFICATION if output else Task.REGRESSION,
        output=output or Output.VALUES,
        feature_count=int(shape["num_feature"]),
        classes=tuple(str(index) for index in range(class_count)),
        feature_names=tuple(str(name) for name in names),
        notes=_notes(learner),
    )


def forest_of(learner: Document) -> Document | None:
    """Return the part with the trees; None for a linear model."""
    booster = learner["gradient_booster"]
    found: Document | None = None
    if booster["name"] != LINEAR:
        found = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    return found


def has_categories(learner: Document) -> bool:
    """Return whether a split asks for categories."""
    forest = forest_of(learner)
    return forest is not None and any(len(tree.get("categories_nodes", ())) for tree in forest["trees"])


def _family(learner: Document) -> str:
    forest = forest_of(learner)
    if forest is None:
        return "linear"
    tree_count = len(forest["trees"])
    parallel_count = int(forest["gbtree_model_param"].get("num_parallel_tree", 1) or 1)
    # One round of several trees that are averaged is a random forest.
    is_one_round = parallel_count > 1 and tree_count <= parallel_count * _output_count(learner)
    return "forest" if is_one_round else "boosting"


def _notes(learner: Document) -> tuple[str, ...]:
    best, forest = learner.get("attributes", {}).get("best_iteration"), forest_of(learner)
    rounds = len(forest.get("iteration_indptr", ())) - 1 if forest else 0
    if best is None or not str(best).isdigit() or int(best) + 1 >= rounds:
        return ()
    note = (
        f"training stopped early: round {int(best) + 1} of {rounds} was the best, and all rounds are used, as "
        f"Booster.inplace_predict does; save booster[:{int(best) + 1}] to keep the best ones only"
    )
    return (note,)


def _output_count(learner: Document) -> int:
    shape = learner["learner_model_param"]
    return max(int(shape["num_class"]), int(shape.get("num_target", 1)), 1)


def _check(learner: Document) -> None:
    feature_count, outputs = int(learner["learner_model_param"]["num_feature"]), _output_count(learner)
    require(0 < feature_count <= _MAX_FEATURES, f"the XGBoost file says that it takes {feature_count} features")
    require(outputs <= _MAX_OUTPUTS, f"the XGBoost file says that it has {outputs} outputs")
    names = learner.get("feature_names") or ()
    require(len(names) in (0, feature_count), f"there are {len(names)} names for {feature_count} features")
    str(learner["objective"]["name"])
    forest = forest_of(learner)
    if forest is None:
        weights = learner["gradient_booster"]["model"]["weights"]
        require(len(weights) == (feature_count + 1) * outputs, "the weights are not as many as the features")
        return
    trees = forest["trees"]
    require(len(trees) == int(forest["gbtree_model_param"]["num_trees"]), "trees are missing")
    groups = integers(forest["tree_info"], "outputs of trees", len(trees))
    require(bool(((groups >= 0) & (groups < outputs)).all()), "a tree belongs to an output that is not there")
    _check_rounds(integers(forest.get("iteration_indptr", ()), "first trees of rounds"), len(trees))
    if learner["gradient_booster"]["name"] == "dart":
        require(len(learner["gradient_booster"]["weight_drop"]) == len(trees), "weights of trees are missing")
    for tree in trees:
        _check_tree(tree, feature_count)


def _check_rounds(starts: Any, tree_count: int) -> None:
    if len(starts):
        is_right = starts[0] == 0 and starts[-1] == tree_count and bool((np.diff(starts) >= 0).all())
        require(is_right, "the rounds are not made of its trees")


def _check_tree(tree: Document, feature_count: int) -> None:
    count = int(tree["tree_param"]["num_nodes"])
    left, right, features = (
        integers(tree[name], name, count) for name in ("left_children", "right_children", "split_indices")
    )
    require(count > 0, "a tree has no nodes")
    if int(tree["tree_param"].get("size_leaf_vector", 1) or 1) > 1:
        raise ModelUnsupportedError(
            detail="its trees have several values in a leaf; train it with multi_strategy='one_output_per_tree'"
        )
    inner = left != _LEAF
    require(bool(((right != _LEAF) == inner).all()), "a tree node has one child")
    check_children(left[inner], right[inner], node_count=count)
    check_features(features[inner], feature_count)
    _check_categories(tree, count, inner)


def _check_categories(tree: Document, count: int, inner: Any) -> None:
    nodes = integers(tree.get("categories_nodes", ()), "nodes with categories")
    starts, sizes = (
        integers(tree.get(name, ()), name, len(nodes)) for name in ("categories_segments", "categories_sizes")
    )
    held = len(tree.get("categories", ()))
    require(bool(((nodes >= 0) & (nodes < count)).all()), "categories belong to a node that is not there")
    fits = (starts >= 0) & (sizes >= 0) & (starts <= held) & (sizes <= held - starts.clip(max=held))
    require(bool(fits.all()), "categories of a split are not there")
    values = integers(tree.get("categories", ()), "categories")
    require(bool(((values >= 0) & (values < _MAX_FEATURES)).all()), "a category is out of range")
    kinds = integers(tree["split_type"], "kinds of splits", count) if len(tree.get("split_type", ())) else nodes[:0]
    asking = np.flatnonzero((kinds == _CATEGORICAL) & inner) if len(kinds) else nodes[:0]
    require(bool(np.isin(asking, nodes).all()), "a split names categories that are absent")
