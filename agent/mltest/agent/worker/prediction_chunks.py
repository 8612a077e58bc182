"""Predictions for the whole dataset, chunk after chunk; imported in workers only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mltest.shared.native.predictions import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mltest.agent.runtimes.role import OpenModel

CHUNK_ROWS = 1024
"""So that a wide result does not need memory for all rows at once."""


def predicted(model: "OpenModel", rows: "NDArray[np.floating]") -> Predictions:
    """Return what `model` says of `rows`, as its `prepare` returned them; at least one."""
    starts = range(0, len(rows), CHUNK_ROWS)
    return joined([model.predictions(rows[start : start + CHUNK_ROWS]) for start in starts])


def joined(chunks: Sequence[Predictions]) -> Predictions:
    """Return the predictions of all rows in order; `chunks` is not empty and all of one kind."""
    labels = [chunk.labels for chunk in chunks if chunk.labels is not None]
    scores = [chunk.scores for chunk in chunks if chunk.scores is not None]
    return Predictions(
        labels=np.concatenate(labels) if labels else None,
        scores=np.concatenate(scores) if scores else None,
        are_probabilities=chunks[0].are_probabilities,
    )
