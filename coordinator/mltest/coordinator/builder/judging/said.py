"""What predictions say, where it is known that they say it."""

import numpy as np
from numpy.typing import NDArray

from mltest.shared.native.predictions import Predictions


def labels_of(predictions: Predictions) -> NDArray[np.int64]:
    """Return the labels (rows,) of a classifier's predictions."""
    assert predictions.labels is not None
    return predictions.labels


def right_rows(predictions: Predictions, truth: NDArray[np.generic] | None) -> NDArray[np.bool_]:
    """Return in which rows (rows,) the label is the true one."""
    assert truth is not None
    return np.asarray(labels_of(predictions) == truth.astype(np.int64), dtype=np.bool_)
