"""A linear model as its weights, and their file format: an npz, which holds numbers only.

What it (format "linear-npz") answers is `link(rows @ weights + intercept)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Task
from mltest.shared.native.predictions import Predictions

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearForm:
    """Weights, and what becomes of the scores."""

    weights: Scores
    """(features, outputs); a classifier of two classes has one output, positive for the second class."""
    intercept: Scores
    """(outputs,)"""
    link: str
    """Key of `LINKS`."""

    @property
    def gives_probabilities(self) -> bool:
        """Whether the link gives class probabilities, each row summing to 1."""
        return self.link in PROBABILITY_LINKS

    @property
    def linked(self) -> Callable[[Scores], Scores]:
        """The link: from scores (rows, outputs) to the answer."""
        return LINKS[self.link]

    def predictions(self, rows: NDArray[np.floating], task: Task) -> Predictions:
        """Return labels and scores of `rows` (rows, features), as agents that run the weights by NumPy do."""
        decisions = rows @ self.weights + self.intercept
        scores = np.array(self.linked(decisions), dtype=np.float64)
        if task is Task.REGRESSION:
            return Predictions(scores=scores)
        labels = winning_positions(decisions).astype(np.int64)
        return Predictions(labels=labels, scores=scores, are_probabilities=self.gives_probabilities)


def winning_positions(decisions: Scores) -> NDArray[np.integer]:
    """Return the position of the class that each row of `decisions` (rows, outputs), before the link, is for."""
    if decisions.shape[1] == 1:
        positive: NDArray[np.integer] = (decisions[:, 0] > 0).astype(np.intp)
        return positive
    largest: NDArray[np.integer] = decisions.argmax(axis=1)
    return largest


def _logistic(scores: Scores) -> Scores:
    """Return both class probabilities; by the hyperbolic tangent, which does not overflow."""
    second: Scores = 0.5 + 0.5 * np.tanh(0.5 * scores)
    return np.concatenate([1 - second, second], axis=1)


def _softmax(scores: Scores) -> Scores:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Scores = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _one_against_rest(scores: Scores) -> Scores:
    each = 0.5 + 0.5 * np.tanh(0.5 * scores)
    shares: Scores = each / each.sum(axis=1, keepdims=True)
    return shares


def _exponential(scores: Scores) -> Scores:
    values: Scores = np.exp(scores)
    return values


LINKS: dict[str, Callable[[Scores], Scores]] = {
    "identity": lambda scores: scores,
    "exponential": _exponential,
    "logistic": _logistic,
    "softmax": _softmax,
    "one-against-rest": _one_against_rest,
}
PROBABILITY_LINKS = ("logistic", "softmax", "one-against-rest")


def save_linear_form(path: Path, form: LinearForm) -> None:
    """Write `form`; the same form gives the same bytes."""
    with path.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            weights=np.ascontiguousarray(form.weights, dtype=np.float64),
            intercept=np.ascontiguousarray(form.intercept, dtype=np.float64),
            link=np.asarray(form.link),
        )


def load_linear_form(path: Path) -> LinearForm:
    """Read what `save_linear_form` wrote; pickled content is refused.

    Raises:
        ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, AttributeError: it is no such file.

    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        form = LinearForm(weights=arrays["weights"], intercept=arrays["intercept"], link=str(arrays["link"]))
    is_whole = form.weights.ndim == 2 and form.weights.size and form.intercept.shape == form.weights.shape[1:]
    if not is_whole or form.weights.dtype != np.float64 or form.intercept.dtype != np.float64:
        raise ValueError("the weights have another shape or type than those of a linear model")
    if form.link not in LINKS or (form.link == "logistic" and form.weights.shape[1] != 1):
        raise ValueError(f"there is no link {form.link[:40]!r} for {form.weights.shape[1]} outputs")
    return form
