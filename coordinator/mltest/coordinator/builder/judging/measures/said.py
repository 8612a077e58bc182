"""What predictions say, where it is known that they say it."""

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import MltestError
from mltest.shared.native.predictions import Predictions


def labels_of(predictions: Predictions) -> NDArray[np.int64]:
    """Return the labels (rows,) of a classifier's predictions."""
    assert predictions.labels is not None
    return predictions.labels


def right_rows(predictions: Predictions, truth: NDArray[np.generic] | None) -> NDArray[np.bool_]:
    """Return in which rows (rows,) the label is the true one."""
    assert truth is not None
    return np.asarray(labels_of(predictions) == truth.astype(np.int64), dtype=np.bool_)


def unreached_reason(chosen_count: int) -> str:
    """Return why no row was looked at, of `chosen_count` that have the right label."""
    if not chosen_count:
        return "no row has the right label"
    return "no row with the right label was reached in time"


def why_unread(error: MltestError) -> str:
    """Return what a converter says of a model that was only to be read."""
    return error.message.partition("cannot convert this model: ")[2] or error.message
