"""Files of XGBoost and LightGBM, written by hand: small honest ones, and what a crafted one has in their place."""

import copy
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

_TREE: dict[str, Any] = {
    "base_weights": [0.0, -1.0, 1.0],
    "categories": [],
    "categories_nodes": [],
    "categories_segments": [],
    "categories_sizes": [],
    "default_left": [0, 0, 0],
    "id": 0,
    "left_children": [1, -1, -1],
    "loss_changes": [1.0, 0.0, 0.0],
    "parents": [2147483647, 0, 0],
    "right_children": [2, -1, -1],
    "split_conditions": [0.5, -1.0, 1.0],
    "split_indices": [1, 0, 0],
    "split_type": [0, 0, 0],
    "sum_hessian": [2.0, 1.0, 1.0],
    "tree_param": {"num_deleted": "0", "num_feature": "3", "num_nodes": "3", "size_leaf_vector": "1"},
}
_MODEL: dict[str, Any] = {
    "learner": {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {
            "model": {
                "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
                "iteration_indptr": [0, 1],
                "tree_info": [0],
                "trees": [_TREE],
            },
            "name": "gbtree",
        },
        "learner_model_param": {
            "base_score": "[5E-1]",
            "boost_from_average": "1",
            "num_class": "0",
            "num_feature": "3",
            "num_target": "1",
        },
        "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}},
    },
    "version": [3, 2, 0],
}
_TREE_LINES = """num_leaves=2
num_cat=0
split_feature=1
split_gain=1
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value=-1 1
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1
"""
_HEAD_LINES = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=a b c
feature_infos=[0:1] [0:1] [0:1]
"""

Edit = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], None]
"""Changes the learner, its forest, and its tree."""


def _set(place: int, *path: str | int, value: object) -> Edit:
    def edit(*parts: dict[str, Any]) -> None:
        inside: Any = parts[place]
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value

    return edit


_LEARNER, _FOREST, _A_TREE = 0, 1, 2
XGBOOST_EDITS: Mapping[str, Edit] = {
    "a child far away": _set(_A_TREE, "left_children", 0, value=10**9),
    "a child before the tree": _set(_A_TREE, "left_children", 0, value=-5),
    "a node that is its own child": _set(_A_TREE, "left_children", 0, value=0),
    "a node with two parents": _set(_A_TREE, "left_children", 0, value=2),
    "one child": _set(_A_TREE, "right_children", 0, value=-1),
    "a feature that is not there": _set(_A_TREE, "split_indices", 0, value=2**31 - 1),
    "an endless number": _set(_A_TREE, "split_indices", 0, value=2**80),
    "half a number": _set(_A_TREE, "left_children", 0, value=0.5),
    "a missing child": _set(_A_TREE, "right_children", value=[2]),
    "more nodes than there are": _set(_A_TREE, "tree_param", "num_nodes", value="2000000000"),
    "no nodes": _set(_A_TREE, "tree_param", "num_nodes", value="0"),
    "categories that are absent": _set(_A_TREE, "split_type", value=[1, 0, 0]),
    "trees that are missing": _set(_FOREST, "gbtree_model_param", "num_trees", value="1000000000"),
    "an output that is not there": _set(_FOREST, "tree_info", value=[7]),
    "rounds that are missing": _set(_FOREST, "iteration_indptr", value=[0, 1000000]),
    "no trees at all": _set(_FOREST, "trees", value="x"),
    "countless features": _set(_LEARNER, "learner_model_param", "num_feature", value="4000000000"),
    "countless outputs": _set(_LEARNER, "learner_model_param", "num_class", value="4000000000"),
    "no numbers": _set(_LEARNER, "learner_model_param", "num_feature", value="many"),
    "no objective": _set(_LEARNER, "objective", value=None),
    "dart without weights": _set(_LEARNER, "gradient_booster", value={"name": "dart", "gbtree": {}}),
    "linear without weights": _set(_LEARNER, "gradient_booster", value={"name": "gblinear", "model": {"weights": []}}),
}
LIGHTGBM_EDITS: Mapping[str, tuple[str, str]] = {
    "a child far away": ("left_child=-1", "left_child=1000000000"),
    "a leaf far away": ("left_child=-1", "left_child=-1000000000"),
    "a node that is its own child": ("left_child=-1", "left_child=0"),
    "a leaf with two parents": ("left_child=-1", "left_child=-2"),
    "a feature that is not there": ("split_feature=1", "split_feature=2147483647"),
    "more leaves than there are": ("num_leaves=2", "num_leaves=2000000000"),
    "no leaves": ("num_leaves=2", "num_leaves=-1"),
    "categories that are absent": ("decision_type=2", "decision_type=1"),
    "categories without a place": ("num_cat=0", "num_cat=1000000000"),
    "a leaf without a value": ("leaf_value=-1 1", "leaf_value=-1"),
    "linear leaves without numbers": ("is_linear=0", "is_linear=1"),
    "no number": ("threshold=0.5", "threshold=x"),
    "countless outputs": ("num_tree_per_iteration=1", "num_tree_per_iteration=1000000000"),
    "no outputs": ("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
    "countless features": ("max_feature_idx=2", "max_feature_idx=2000000000"),
    "features without names": ("feature_names=a b c", "feature_names=a"),
    "sizes of trees that are not true": ("tree_sizes=", "tree_sizes=9"),
    "a part of one": ("end of trees", "end"),
}


def crafted_xgboost(edit: str = "", *, is_ubj: bool = False) -> bytes:
    """Return a model of one split, with something else in one place if `edit` names it."""
    model = copy.deepcopy(_MODEL)
    learner = model["learner"]
    forest = learner["gradient_booster"]["model"]
    if edit:
        XGBOOST_EDITS[edit](learner, forest, forest["trees"][0])
    return _ubjson(model) if is_ubj else json.dumps(model).encode()


def crafted_lightgbm(edit: str = "") -> bytes:
    """Return a model of one split, with something else in one place if `edit` names it."""
    tree = f"Tree=0\n{_TREE_LINES}\n\n"
    before, after = LIGHTGBM_EDITS.get(edit, ("", ""))
    changed = tree.replace(before, after)
    text = f"{_HEAD_LINES}tree_sizes={len(changed)}\n\n{changed}end of trees\n"
    return (text if changed != tree else text.replace(before, after)).encode()


def _ubjson(value: object) -> bytes:
    if isinstance(value, dict):
        return b"{" + b"".join(_length(key) + _ubjson(inner) for key, inner in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b"".join(_ubjson(inner) for inner in value) + b"]"
    if isinstance(value, str):
        return b"S" + _length(value)
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    if value is None:
        return b"Z"
    assert isinstance(value, int)
    return b"L" + struct.pack(">q", max(min(value, 2**63 - 1), -(2**63)))


def _length(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text.encode())) + text.encode()


XGBOOST_JSON = crafted_xgboost()
XGBOOST_UBJ = crafted_xgboost(is_ubj=True)
LIGHTGBM_TEXT = crafted_lightgbm()
