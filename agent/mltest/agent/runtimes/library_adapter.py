"""A model of a library of boosted trees in that library itself, as submitted: what its adapters have in common."""

from pathlib import Path
from typing import TYPE_CHECKING

from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.library_model import LibraryModel
    from mltest.shared.native.predictions import Predictions


class OpenLibraryModel:
    """Predicts as a user of the library does, with the candidate's number of threads."""

    def __init__(self, artifact: Path, candidate: VisitCandidate) -> None:
        from mltest.shared.native.libraries import open_library_model

        self._model: LibraryModel = open_library_model(artifact, candidate.format, threads=candidate.threads)
        self._candidate = candidate
        facts = self._model.facts
        if facts.feature_count != candidate.feature_count:
            detail = f"it takes {facts.feature_count} features, not the model's {candidate.feature_count}"
            raise ModelInvalidError(detail=detail)
        self.predict = self._model.call(candidate.output)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return rows as the library takes them."""
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        """Return what a call gave."""
        return self._model.answer(output, self._candidate.output, row_count)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores."""
        return self._model.predictions(batch)
