"""A model of a library of boosted trees: what it answers, and how it is asked.

A timed call is what a user calls to predict; where that gives class probabilities it is Output.PROBABILITIES, where it
gives labels LABELS, where it gives scores that are no probabilities SCORES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Output, Task
from mltest.shared.errors import PredictionError
from mltest.shared.native.predictions import Predictions

Call = Callable[[NDArray[np.floating]], Any]
"""Takes rows as `LibraryModel.prepare` returns them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a file of such a library says of its model."""

    family: str
    kind: str
    """Library and objective, for people."""
    task: Task
    output: Output
    """What the usual call gives."""
    feature_count: int
    classes: tuple[str, ...] = ()
    """As text, in the order of the scores; empty for a regressor."""
    feature_names: tuple[str, ...] = ()
    """Column names that it was trained with; empty if it was trained without."""
    notes: tuple[str, ...] = ()
    """What a user should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryModel:
    """An opened model."""

    facts: ModelFacts
    input_dtype: str
    """In which the library computes: float32 or float64."""
    usual: Call
    """Gives `facts.output`: what a user calls, and what is timed."""
    scores: Call
    """Gives (rows,) or (rows, outputs): probabilities, scores or values."""
    labels: Call | None = None
    """Gives (rows,) positions of classes; None: they follow from the scores."""
    class_call: Call | None = None
    """Gives (rows,) labels as the library gives them; None where there is no call of its own for that."""
    are_probabilities: bool = False
    """Whether `scores` gives probabilities that sum to 1; one column stands for the second of two classes."""

    def call(self, output: Output) -> Call:
        """Return what a user calls to get `output`; this is what is timed."""
        calls: Mapping[Output, Call | None] = {Output.LABELS: self.class_call or self._positions}
        return (None if output is self.facts.output else calls.get(output)) or self.usual

    def prepare(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return `rows` (rows, features) in the type that the library computes in, C-contiguous."""
        return np.ascontiguousarray(rows, dtype=self.input_dtype)

    def answer(self, given: object, output: Output, row_count: int) -> NDArray[np.generic]:
        """Return what `call(output)` gave for `row_count` rows as an array of its own; scores are (rows, outputs)."""
        if output is Output.LABELS:
            return np.array(given).reshape(row_count)
        return self._columns(given, row_count)

    def predictions(self, rows: NDArray[np.floating]) -> Predictions:
        """Return labels and scores for `rows`, as `prepare` returned them.

        Raises:
            PredictionError: the library does not take them; its own words are in the message.

        """
        try:
            scores = self._columns(self.scores(rows), len(rows))
            if self.facts.task is Task.REGRESSION:
                return Predictions(scores=scores)
            positions = np.asarray(self.labels(rows), dtype=np.int64) if self.labels else _positions_of(scores)
        except MemoryError:
            raise
        except Exception as error:
            line = (str(error).strip().splitlines() or [""])[0]
            raise PredictionError(detail=f"{type(error).__name__}: {line}") from error
        return Predictions(labels=positions, scores=scores, are_probabilities=self.are_probabilities)

    def _columns(self, given: object, row_count: int) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = np.array(given, dtype=np.float64).reshape(row_count, -1)
        if self.are_probabilities and scores.shape[1] == 1:
            return np.hstack([1 - scores, scores])
        return scores

    def _positions(self, rows: NDArray[np.floating]) -> NDArray[np.int64]:
        labels = self.predictions(rows).labels
        assert labels is not None
        return labels


def _positions_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the class with the largest score; one column is the decision for the second of two classes."""
    positions: NDArray[np.int64] = (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(1)
    return positions
