"""Reads what a text file of LightGBM says, and checks its trees, before the library opens it.

Source: src/io/tree.cpp and src/boosting/gbdt_model_text.cpp of LightGBM 4.6.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.library_model import ModelFacts
from mltest.shared.native.linked_nodes import Integers, check_children, check_features, require

_END_OF_TREES = "\nend of trees"
_END_OF_PARAMETERS = "\nend of parameters"
_MADE_UP_NAME = re.compile(r"Column_\d+")
_MAX_FEATURES = 1 << 24
_MAX_OUTPUTS = 1 << 16
_CATEGORICAL = 1
"""Bit of a node's decision type."""
_MISSING_SHIFT, _ZERO_IS_MISSING = 2, 1
"""Where the kind of missing values stands in it (0 none, 1 zeros, 2 NaN): GetMissingType in include/LightGBM/tree.h."""
_CLASSIFIERS = {"binary": Output.PROBABILITIES, "multiclass": Output.PROBABILITIES, "multiclassova": Output.SCORES}
"""By objective: what the usual call gives; those one-versus-all do not sum to 1."""

Lines = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LightGbmText:
    """A checked file."""

    header: Lines
    trees: Sequence[Lines]

    @property
    def objective(self) -> str:
        """Its first word; empty if it was trained with a function of its own."""
        return (self.header.get("objective", "").split() or [""])[0]

    @property
    def is_forest(self) -> bool:
        """Whether the trees are averaged."""
        return "average_output" in self.header

    @property
    def has_linear_leaves(self) -> bool:
        """Whether leaves hold linear models."""
        return any(tree.get("is_linear", "0") != "0" for tree in self.trees)

    @property
    def has_zeros_missing(self) -> bool:
        """Whether a split takes zeros (|x| <= 1e-35) for missing values: `zero_as_missing` of LightGBM."""
        kinds = (int(kind) for tree in self.trees for kind in tree.get("decision_type", "").split())
        return any(not kind & _CATEGORICAL and kind >> _MISSING_SHIFT == _ZERO_IS_MISSING for kind in kinds)


def read_lightgbm(path: Path) -> LightGbmText:
    """Return what stands in `path`; see `text_in`."""
    return text_in(path.read_bytes())


def text_in(content: bytes) -> LightGbmText:
    """Return what stands in a file's content, its trees checked.

    Raises:
        ModelInvalidError: it is damaged, or an index in it is out of range.

    """
    try:
        return _checked(content.decode())
    except (KeyError, ValueError, OverflowError) as error:
        raise ModelInvalidError(detail=f"the LightGBM file is damaged ({type(error).__name__}: {error})") from error


def facts_of_lightgbm(text: LightGbmText) -> ModelFacts:
    """Return what a checked file says of its model."""
    output = _CLASSIFIERS.get(text.objective)
    class_count = max(int(text.header["num_class"]), 2) if output else 0
    names = tuple(text.header.get("feature_names", "").split())
    is_named = not all(_MADE_UP_NAME.fullmatch(name) for name in names)
    no_objective = "the file names no objective (trained with a function of its own): raw scores are values"
    return ModelFacts(
        family="forest" if text.is_forest else "boosting",
        kind=f"LightGBM {text.header.get('objective') or 'without objective'}",
        task=Task.CLASSIFICATION if output else Task.REGRESSION,
        output=output or Output.VALUES,
        feature_count=_feature_count(text.header),
        classes=tuple(str(index) for index in range(class_count)),
        feature_names=names if is_named else (),
        notes=() if text.objective else (no_objective,),
    )


def _checked(text: str) -> LightGbmText:
    end = text.find(_END_OF_TREES)
    require(end >= 0, "the LightGBM file is a part of one: the end of its trees is missing")
    has_parameters = "\nparameters:" in text[end:]
    is_whole = not has_parameters or _END_OF_PARAMETERS in text[end:]
    require(is_whole, "the LightGBM file is a part of one: the end of its parameters is missing")
    head, *blocks = text[:end].split("\nTree=")
    found = LightGbmText(header=_lines(head), trees=[_lines(block) for block in blocks])
    _check_header(found, blocks)
    for tree in found.trees:
        _check_tree(tree, _feature_count(found.header))
    return found


def _lines(block: str) -> Lines:
    pairs = (line.partition("=") for line in block.splitlines())
    return {key.strip(): value for key, _, value in pairs if key}


def _feature_count(header: Lines) -> int:
    return int(header["max_feature_idx"]) + 1


def _check_header(found: LightGbmText, blocks: Sequence[str]) -> None:
    header, features = found.header, _feature_count(found.header)
    require(0 < features <= _MAX_FEATURES, f"the LightGBM file says that it takes {features} features")
    outputs, classes = int(header["num_tree_per_iteration"]), int(header["num_class"])
    require(0 < outputs <= _MAX_OUTPUTS and classes == outputs, "classes and trees do not fit together")
    require(len(blocks) % outputs == 0, "trees of a round are missing")
    for name in ("feature_names", "feature_infos"):
        require(len(header[name].split()) == features, f"there is no {name} for each feature")
    if "tree_sizes" in header:
        # The library goes by these numbers, and reads what is there.
        sizes = [int(size) for size in header["tree_sizes"].split()]
        starts = [len(f"Tree={block}\n".encode()) for block in blocks]
        require(sizes == starts, "the sizes of its trees are not true")


def _check_tree(tree: Lines, feature_count: int) -> None:
    leaf_count, category_count = int(tree["num_leaves"]), int(tree.get("num_cat", 0))
    require(leaf_count > 0 and category_count >= 0, "a tree has no leaves")
    require(len(tree["leaf_value"].split()) == leaf_count, "values of leaves are missing")
    if tree.get("is_linear", "0") != "0":
        _check_linear_leaves(tree, leaf_count, feature_count)
    if leaf_count == 1:
        return
    left, right, features, kinds = (
        _numbers(tree, name, leaf_count - 1) for name in ("left_child", "right_child", "split_feature", "decision_type")
    )
    thresholds = np.array(tree["threshold"].split(), dtype=np.float64)
    require(len(thresholds) == leaf_count - 1, "thresholds are missing")
    _check_links(left, right, leaf_count)
    check_features(features, feature_count)
    _check_categories(tree, thresholds[(kinds & _CATEGORICAL) != 0], category_count)


def _check_links(left: Integers, right: Integers, leaf_count: int) -> None:
    """Check children: inner nodes count from 0, leaf k is called -1 - k; here leaves stand behind the inner nodes."""
    inner_count = leaf_count - 1
    require(bool((left < inner_count).all() and (right < inner_count).all()), "a child of a tree node is out of range")
    left, right = (np.where(side < 0, inner_count - 1 - side, side) for side in (left, right))
    check_children(left, right, node_count=inner_count + leaf_count)


def _check_categories(tree: Lines, asked: "np.typing.NDArray[np.float64]", category_count: int) -> None:
    require(bool(((asked >= 0) & (asked < category_count)).all()), "a split names categories that are absent")
    if category_count == 0:
        return
    bounds = _numbers(tree, "cat_boundaries", category_count + 1)
    held = len(tree["cat_threshold"].split())
    is_right = bounds[0] == 0 and bounds[-1] == held and bool((np.diff(bounds) >= 0).all())
    require(is_right, "categories of a split are not there")


def _check_linear_leaves(tree: Lines, leaf_count: int, feature_count: int) -> None:
    counts = _numbers(tree, "num_features", leaf_count)
    require(len(tree["leaf_const"].split()) == leaf_count, "constants of linear leaves are missing")
    require(bool((counts >= 0).all()), "a linear leaf has no features")
    check_features(_numbers(tree, "leaf_features", int(counts.sum())), feature_count)
    require(len(tree["leaf_coeff"].split()) == int(counts.sum()), "coefficients of linear leaves are missing")


def _numbers(tree: Lines, name: str, count: int) -> Integers:
    found: Integers = np.array(tree[name].split(), dtype=np.int64)
    require(len(found) == count, f"there are {len(found)} of {name}, and {count} are needed")
    return found
