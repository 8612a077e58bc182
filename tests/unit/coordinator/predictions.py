"""Evidence about predictions, made by hand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.shared.domain import ModelInfo, Output, Result, Task
from mltest.shared.native.predictions import Predictions


def classified(
    labels: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    reference_scores: ArrayLike | None = None,
    classes: tuple[str, ...] = ("a", "b", "c"),
    input_dtype: str = "float32",
    is_lossy: bool = False,
) -> PredictionEvidence:
    """Return evidence of a classifier; scores are probabilities."""
    said = np.asarray(labels)
    native = said if reference is None else np.asarray(reference)
    native_scores = scores if reference_scores is None else reference_scores
    return PredictionEvidence(
        candidate_id="c",
        agent_id="a",
        model=_model(Task.CLASSIFICATION, Output.LABELS if scores is None else Output.PROBABILITIES, classes),
        rows=np.zeros((len(native), 1)),
        truth=None if truth is None else np.asarray(truth),
        reference=_predictions(native, native_scores),
        predictions=_predictions(said, scores),
        input_dtype=input_dtype,
        is_lossy=is_lossy,
    )


def valued(
    values: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    input_dtype: str = "float32",
    is_lossy: bool = False,
) -> PredictionEvidence:
    """Return evidence of a regressor."""
    native = _column(values if reference is None else reference)
    return PredictionEvidence(
        candidate_id="c",
        agent_id="a",
        model=_model(Task.REGRESSION, Output.VALUES, ()),
        rows=np.zeros((len(native), 1)),
        truth=None if truth is None else np.asarray(truth, dtype=np.float64),
        reference=Predictions(scores=native),
        predictions=Predictions(scores=_column(values)),
        input_dtype=input_dtype,
        is_lossy=is_lossy,
    )


def value_of(results: Sequence[Result], metric: str, statistic: str = "value", label: str = "") -> float | None:
    """Return the value of the one result of that name."""
    (found,) = (r for r in results if (r.metric, r.statistic, r.label) == (metric, statistic, label))
    assert (found.value is None) == bool(found.reason)
    return found.value


def _column(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(len(array), -1)


def _predictions(labels: NDArray[np.int64], scores: ArrayLike | None) -> Predictions:
    if scores is None:
        return Predictions(labels=labels)
    return Predictions(labels=labels, scores=np.asarray(scores, dtype=np.float64), are_probabilities=True)


def _model(task: Task, output: Output, classes: tuple[str, ...]) -> ModelInfo:
    return ModelInfo(
        format="skops",
        family="other",
        kind="K",
        task=task,
        output=output,
        feature_count=1,
        classes=classes,
        size_bytes=1,
    )
