"""What a `PredictionTest` sees; exists in the builder's child only."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.ranking_data import Ranking
from mltest.coordinator.builder.surgery.selection import selection_positions
from mltest.shared.domain import ModelInfo
from mltest.shared.native.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionEvidence:
    """A candidate's predictions beside those of the native model, and the truth where it is given."""

    candidate_id: str
    agent_id: str
    model: ModelInfo
    rows: NDArray[np.floating]
    """(rows, features), the dataset as agents get it."""
    truth: NDArray[np.generic] | None
    """(rows,): int64 index into the model's classes, or float64 values; None if not given."""
    reference: Predictions
    """Of the model as submitted, in its own library, for the same rows."""
    predictions: Predictions
    """Of the candidate, from the agent."""
    input_dtype: str = "float32"
    """Type in which the candidate's runtime gets X: float32 or float64."""
    is_lossy: bool = False
    """Whether its recipe means to change predictions."""
    groups: NDArray[np.str_] | None = None
    """(rows,): the group that each row belongs to; None if none is named."""
    ranking: Ranking | None = None
    """What was clicked; None if the data do not say so, or not all rows are used."""
    is_selected: bool = False
    """Whether its recipe looked at the selection half of the rows; see `judged`."""

    def judged(self) -> "PredictionEvidence":
        """Return it for the rows by which quality may be judged: those that the candidate was not made by."""
        return self.judged_half() if self.is_selected else self

    def judged_half(self) -> "PredictionEvidence":
        """Return it for the rows by which no candidate was made, whatever this one was made by."""
        is_judged = np.ones(len(self.rows), dtype=np.bool_)
        is_judged[selection_positions(len(self.rows), self.truth)] = False
        return replace(
            self,
            rows=self.rows[is_judged],
            truth=None if self.truth is None else self.truth[is_judged],
            groups=None if self.groups is None else self.groups[is_judged],
            ranking=None if self.ranking is None else self.ranking.of_rows(is_judged),
            reference=_of_rows(self.reference, is_judged),
            predictions=_of_rows(self.predictions, is_judged),
            is_selected=False,
        )


def _of_rows(predictions: Predictions, is_kept: NDArray[np.bool_]) -> Predictions:
    labels, scores = predictions.labels, predictions.scores
    return replace(
        predictions,
        labels=None if labels is None else labels[is_kept],
        scores=None if scores is None else scores[is_kept],
    )
