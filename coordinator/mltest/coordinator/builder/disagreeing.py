"""Which rows a candidate answers otherwise than the native model, and why as far as it can be told; builder's child.

Rounding explains a row if the native model itself gives the candidate's answer when X is rounded to float32, or when
every value is moved by the last bit of a float32: then the value lies at a threshold of the model.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.tests.row_differences import (
    equal_labels,
    explained_difference,
    row_differences,
    tied_labels,
)
from mltest.shared.domain import Cause, Disagreement
from mltest.shared.errors import MltestError
from mltest.shared.native.predictions import Predictions

KEPT_ROWS = 100
"""Of each candidate on each agent."""
_TIE_TOLERANCE = 1e-6

Predict = Callable[[NDArray[np.floating]], Predictions]
"""The native model: rows (rows, features) to predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """The rows that differ."""

    count: int
    """All of them."""
    kept: tuple[Disagreement, ...]
    """The worst: other labels first, then by the difference of scores."""

    @property
    def rounded_count(self) -> int:
        """How many of those kept are explained by rounding."""
        return sum(found.cause is Cause.ROUNDING for found in self.kept)


def differing_rows(evidence: PredictionEvidence, predict: Predict | None = None) -> Differing:
    """Return the rows that a candidate answers otherwise by more than arithmetic explains.

    Args:
        evidence: predictions that fit the model (`agreement.misfit`).
        predict: the native model, asked about rounded rows of a candidate that means to change nothing; None: no row is
            explained by rounding.

    """
    differences = row_differences(evidence)
    is_other = _other_labels(evidence)
    is_far = _far(evidence, differences)
    differing = np.flatnonzero(is_other | is_far)
    sizes = np.zeros(len(evidence.rows)) if differences is None else differences
    order = differing[np.lexsort((-sizes[differing], ~is_other[differing]))][:KEPT_ROWS]
    causes = _causes(evidence, order, predict)
    return Differing(
        count=len(differing),
        kept=tuple(_disagreement(evidence, int(row), cause) for row, cause in zip(order, causes, strict=True)),
    )


def _other_labels(evidence: PredictionEvidence) -> NDArray[np.bool_]:
    if not evidence.model.task.gives_labels:
        return np.zeros(len(evidence.rows), dtype=np.bool_)
    return ~equal_labels(evidence)


def _far(evidence: PredictionEvidence, differences: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Return which scores are farther off than arithmetic explains; those of a lossy classifier may be."""
    is_meant = evidence.is_lossy and evidence.model.task.gives_labels
    if differences is None or is_meant:
        return np.zeros(len(evidence.rows), dtype=np.bool_)
    return differences > explained_difference(evidence)


def _causes(evidence: PredictionEvidence, rows: NDArray[np.int64], predict: Predict | None) -> list[Cause]:
    causes = [Cause.UNSPECIFIED] * len(rows)
    if not len(rows):
        return causes
    if predict is not None and not evidence.is_lossy:
        # A model that cannot be asked again leaves its rows unexplained; its candidates are judged all the same.
        with suppress(MltestError):
            rounded = _is_rounding(evidence, rows, predict)
            causes = [Cause.ROUNDING if found else Cause.UNSPECIFIED for found in rounded]
    tied = tied_labels(evidence, _TIE_TOLERANCE)[rows]
    return [Cause.TIE if is_tied else cause for is_tied, cause in zip(tied, causes, strict=True)]


def _is_rounding(evidence: PredictionEvidence, rows: NDArray[np.int64], predict: Predict) -> NDArray[np.bool_]:
    """Return for each of `rows` whether the native model answers like the candidate for a neighbour of the row."""
    found = np.zeros(len(rows), dtype=np.bool_)
    for neighbours in _neighbours(evidence.rows[rows]):
        found |= _answers_alike(evidence, rows, predict(neighbours))
    return found


def _neighbours(rows: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    """Yield `rows` rounded to float32, and moved by one bit of it either way, in their own type."""
    with np.errstate(over="ignore"):
        rounded = rows.astype(np.float32)
    limit = np.finfo(np.float32).max
    for moved in (rounded, np.nextafter(rounded, -np.float32(np.inf)), np.nextafter(rounded, np.float32(np.inf))):
        yield np.clip(moved, -limit, limit).astype(rows.dtype)


def _answers_alike(evidence: PredictionEvidence, rows: NDArray[np.int64], moved: Predictions) -> NDArray[np.bool_]:
    ours = evidence.predictions
    alike = np.ones(len(rows), dtype=np.bool_)
    if ours.labels is not None and moved.labels is not None:
        alike &= ours.labels[rows] == moved.labels
    if row_differences(evidence) is not None and ours.scores is not None and moved.scores is not None:
        off = np.abs(ours.scores[rows] - moved.scores).max(axis=1)
        alike &= off <= explained_difference(evidence)
    return alike


def _disagreement(evidence: PredictionEvidence, row: int, cause: Cause) -> Disagreement:
    differences = row_differences(evidence)
    return Disagreement(
        candidate_id=evidence.candidate_id,
        agent_id=evidence.agent_id,
        row_index=row,
        native=_said(evidence, evidence.reference, row),
        candidate=_said(evidence, evidence.predictions, row),
        difference=None if differences is None else float(differences[row]),
        cause=cause,
    )


def _said(evidence: PredictionEvidence, predictions: Predictions, row: int) -> str:
    if evidence.model.task.gives_labels:
        assert predictions.labels is not None
        label = int(predictions.labels[row])
        return evidence.model.classes[label] if label >= 0 else "?"
    assert predictions.scores is not None
    return ", ".join(f"{value:.9g}" for value in predictions.scores[row])
