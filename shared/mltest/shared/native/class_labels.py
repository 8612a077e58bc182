"""Positions of labels among the classes of a model, whatever types the two have."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
_TRUTHS = {"True": "1.0", "False": "0.0"}


def class_texts(classes: "NDArray[np.generic]") -> tuple[str, ...]:
    """Return classes as text, in their order."""
    return tuple(str(value) for value in classes.tolist())


def class_indices(labels: "NDArray[np.generic]", classes: Sequence[str]) -> "NDArray[np.int64]":
    """Return the position of each of `labels` (rows,) in `classes`; -1 for a label that is none of them.

    Equal text comes first, then equal numbers: 1, 1.0, "1" and True name the same class unless they are different ones.
    """
    by_text = {text: index for index, text in reversed(list(enumerate(classes)))}
    by_number = {_number(text): index for index, text in reversed(list(enumerate(classes)))}
    distinct, inverse = np.unique(labels, return_inverse=True)
    texts = [str(value) for value in distinct.tolist()]
    found = [by_text.get(text, by_number.get(_number(text), UNKNOWN)) for text in texts]
    positions: NDArray[np.int64] = np.asarray(found, dtype=np.int64)[inverse.reshape(-1)]
    return positions


def _number(text: str) -> str:
    try:
        return repr(float(_TRUTHS.get(text, text)))
    except ValueError:
        return text
