"""Rows in the type and layout that a candidate's runtime takes."""

from typing import TYPE_CHECKING

from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import PredictionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def prepared_rows(rows: "NDArray[np.floating]", candidate: VisitCandidate) -> "NDArray[np.floating]":
    """Return `rows` (rows, features) in the candidate's input type, C-contiguous.

    Raises:
        PredictionError: they have another number of columns than the model; not every runtime would notice.

    """
    import numpy as np

    if rows.ndim != 2 or rows.shape[1] != candidate.feature_count:
        raise PredictionError(detail=f"the model takes {candidate.feature_count} features, got shape {rows.shape}")
    return np.ascontiguousarray(rows, dtype=candidate.input_dtype)
