"""How well a language model expects the tokens that follow; runs in the builder's child."""

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure
from mltest.shared.native.onnx_session import sum_to_one

_TINY = 1e-300


def token_measure(rows: NDArray[np.floating], scores: NDArray[np.float64]) -> Measure:
    """Return perplexity, bits and accuracy of tokens, over all tokens of the sequences that were drawn.

    Args:
        rows: (sequences, length), tokens.
        scores: (sequences, length * vocabulary): logits, logarithms of probabilities, or probabilities.

    """
    losses, hits = token_losses(rows, scores)
    of_each = np.stack([losses.sum(axis=1), hits.sum(axis=1)], axis=1)

    def of(counts: Counts) -> NDArray[np.float64]:
        means = counts @ of_each / (counts.sum(axis=1, keepdims=True) * losses.shape[1])
        return np.stack([np.exp(means[:, 0]), means[:, 0] / np.log(2), means[:, 1]], axis=1)

    names = ("perplexity", "bits_per_token", "token_accuracy")
    return Measure(tuple((name, "value", "") for name in names), of)


def token_losses(
    rows: NDArray[np.floating], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the negative log-likelihood, in nats, of each token behind the first, and whether it was expected most.

    Both are (sequences, length - 1).
    """
    count, length = rows.shape
    said = scores.reshape(count, length, -1)[:, :-1]
    follows = rows[:, 1:].astype(np.int64)
    if sum_to_one(said.reshape(-1, said.shape[2])):
        logs = np.log(np.maximum(said, _TINY))
    else:
        shifted = said - said.max(axis=2, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    losses = -np.take_along_axis(logs, follows[:, :, None], axis=2)[:, :, 0]
    return losses, np.asarray(said.argmax(axis=2) == follows)
