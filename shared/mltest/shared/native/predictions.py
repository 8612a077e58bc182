"""Predictions of a model for rows, and their file format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_NOTHING: Mapping[str, NDArray[np.generic]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model says about rows."""

    labels: NDArray[np.int64] | None = None
    """(rows,) index into the model's classes; -1 for a label that is none of them; None for a regressor."""
    scores: NDArray[np.float64] | None = None
    """(rows, outputs): class probabilities or scores, or the values of a regressor; None where there are none."""
    are_probabilities: bool = False
    """Whether `scores` are class probabilities, each row summing to 1."""


def save_predictions(
    path: Path, predictions: Predictions, besides: Mapping[str, NDArray[np.generic]] = _NOTHING
) -> None:
    """Write `predictions` as an uncompressed npz, with other arrays `besides`; the same give the same bytes."""
    arrays: dict[str, NDArray[np.generic]] = {**besides, "are_probabilities": np.asarray(predictions.are_probabilities)}
    if predictions.labels is not None:
        arrays["labels"] = np.ascontiguousarray(predictions.labels, dtype=np.int64)
    if predictions.scores is not None:
        arrays["scores"] = np.ascontiguousarray(predictions.scores, dtype=np.float64)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_predictions(path: Path) -> Predictions:
    """Read what `save_predictions` wrote; pickled content is refused (ValueError)."""
    with np.load(path, allow_pickle=False) as arrays:
        return Predictions(
            labels=arrays.get("labels"),
            scores=arrays.get("scores"),
            are_probabilities=bool(arrays["are_probabilities"]),
        )
