"""Checks the indices of trees that are arrays of nodes: libraries follow them in compiled code, unchecked."""

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import ModelInvalidError

Integers = NDArray[np.int64]


def integers(values: object, what: str, count: int | None = None) -> Integers:
    """Return `values`, a list or an array of whole numbers, `count` of them if that is given.

    Raises:
        ModelInvalidError: they are something else.

    """
    try:
        found = np.asarray(values)
        if found.size == 0:
            found = np.zeros(0, dtype=np.int64)
        numbers = found.astype(np.int64, casting="same_kind")
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelInvalidError(detail=f"{what} are no whole numbers") from error
    require(numbers.ndim == 1, f"{what} are no list")
    require(count is None or len(numbers) == count, f"there are {len(numbers)} of {what}, and {count} are needed")
    return numbers


def check_children(left: Integers, right: Integers, *, node_count: int) -> None:
    """Check the children of all inner nodes: every one exists, has one parent, and none is the root, node 0.

    Raises:
        ModelInvalidError: a walk from the root would leave the tree, or never end.

    """
    children = np.concatenate([left, right])
    require(bool(((children > 0) & (children < node_count)).all()), "a child of a tree node is out of range")
    require(len(np.unique(children)) == len(children), "a tree node has two parents")


def check_features(features: Integers, feature_count: int) -> None:
    """Check the features that splits use.

    Raises:
        ModelInvalidError: one is none of the model's.

    """
    are_known = bool(((features >= 0) & (features < feature_count)).all())
    require(are_known, "a split of a tree uses a feature out of range")


def require(is_right: bool, detail: str) -> None:
    """Raise ModelInvalidError with `detail` unless `is_right`."""
    if not is_right:
        raise ModelInvalidError(detail=detail)
