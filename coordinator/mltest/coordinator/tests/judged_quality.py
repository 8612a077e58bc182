"""How good every candidate is on the same rows: those by which no recipe made a choice.

A recipe that looks at rows sees one half of them (docs/decisions/0036), and its quality is that of the other half. The
quality of a candidate that looked at none is of all rows, which compares nothing: here all are of the other half.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from mltest.coordinator.tests.wilson import wilson_interval
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence

_NO_ROWS = "there are too few rows to leave any that no candidate was chosen by"


def judged_quality(evidence: "PredictionEvidence") -> Result:
    """Return the accuracy, or the coefficient of determination, on the rows that judge; it takes true values."""
    judged = evidence.judged_half()
    is_classifier = evidence.model.task is Task.CLASSIFICATION
    found = Result(
        candidate_id=evidence.candidate_id,
        agent_id=evidence.agent_id,
        test="quality",
        metric="judged_accuracy" if is_classifier else "judged_r2",
        count=len(judged.rows),
    )
    if not len(judged.rows):
        return replace(found, reason=_NO_ROWS)
    return _with_accuracy(found, judged) if is_classifier else _with_determination(found, judged)


def _with_accuracy(found: Result, judged: "PredictionEvidence") -> Result:
    assert judged.truth is not None
    assert judged.predictions.labels is not None
    right = int((judged.predictions.labels == judged.truth).sum())
    low, high = wilson_interval(right, found.count)
    return replace(found, value=right / found.count, low=low, high=high)


def _with_determination(found: Result, judged: "PredictionEvidence") -> Result:
    import numpy as np

    assert judged.truth is not None
    assert judged.predictions.scores is not None
    truth = judged.truth.astype(np.float64).reshape(found.count, -1)
    if truth.shape != judged.predictions.scores.shape:
        return replace(found, reason="the model gives another number of values a row than y has")
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if not bool((spread > 0).all()):
        return replace(found, reason="the true values are all the same")
    errors = ((judged.predictions.scores - truth) ** 2).sum(axis=0)
    return replace(found, value=float((1 - errors / spread).mean()))
