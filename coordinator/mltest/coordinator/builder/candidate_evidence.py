"""What a `CandidateTest` sees; exists in the builder's child only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.surgery.selection import selection_positions
from mltest.shared.domain import Candidate
from mltest.shared.native.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEvidence:
    """A lossy candidate's artifact beside the model as submitted."""

    native: ModelEvidence
    """The model as submitted, and its data."""
    candidate: Candidate
    predict: Callable[[NDArray[np.floating]], Predictions]
    """The artifact, for other rows (rows, features)."""

    def judged_rows(self) -> NDArray[np.int64]:
        """Return the positions of the rows by which it may be judged: those that it was not made by."""
        count = len(self.native.rows)
        if not self.candidate.is_selected:
            return np.arange(count)
        return np.setdiff1d(np.arange(count), selection_positions(count, self.native.truth))
