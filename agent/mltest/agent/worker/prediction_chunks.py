"""Puts the predictions of chunks of rows together; imported in workers only."""

from collections.abc import Sequence

import numpy as np

from mltest.shared.native.predictions import Predictions


def joined(chunks: Sequence[Predictions]) -> Predictions:
    """Return the predictions of all rows in order; `chunks` is not empty and all of one kind."""
    labels = [chunk.labels for chunk in chunks if chunk.labels is not None]
    scores = [chunk.scores for chunk in chunks if chunk.scores is not None]
    return Predictions(
        labels=np.concatenate(labels) if labels else None,
        scores=np.concatenate(scores) if scores else None,
        are_probabilities=chunks[0].are_probabilities,
    )
