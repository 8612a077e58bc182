"""What a `PredictionTest` sees; exists in the builder's child only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
