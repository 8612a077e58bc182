"""Evidence about fitted estimators, made without files of models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.shared.domain import DatasetInfo, ModelInfo, Result
from mltest.shared.native.outputs import describe_estimator


def evidence_of(
    estimator: Any,
    rows: ArrayLike,
    truth: ArrayLike | None = None,
    *,
    columns: tuple[str, ...] = (),
    training: tuple[ArrayLike, ArrayLike] | None = None,
    file_format: str = "skops",
    source_row_count: int = 0,
) -> ModelEvidence:
    """Return what a test sees of `estimator`, fitted; `truth` are positions of its classes, or values."""
    native = describe_estimator(estimator)
    values = np.asarray(rows)
    target = None if truth is None else np.asarray(truth)
    return ModelEvidence(
        model=ModelInfo(
            format=file_format,
            family=native.family,
            kind=native.kind,
            task=native.task,
            output=native.output,
            feature_count=native.feature_count,
            classes=native.classes,
            size_bytes=1,
        ),
        dataset=DatasetInfo(
            row_count=len(values),
            source_row_count=source_row_count or len(values),
            feature_count=values.shape[1],
            dtype=str(values.dtype),
            has_target=target is not None,
            sha256="",
            sample_seed=7,
        ),
        path=Path("unused"),
        native=native,
        rows=values,
        truth=target,
        reference=native.predictions(native.prepare(np.nan_to_num(values, posinf=0.0))),
        predict=lambda rows: native.predictions(native.prepare(rows)),
        columns=columns,
        training=None if training is None else (np.asarray(training[0]), np.asarray(training[1])),
    )


def only(results: Sequence[Result], metric: str, *, label: str = "", statistic: str = "") -> Result:
    """Return the one result of that metric; `statistic` and `label` narrow it down."""
    (found,) = (
        one
        for one in results
        if one.metric == metric and one.label == (label or one.label) and one.statistic == (statistic or one.statistic)
    )
    return found


def value_of(results: Sequence[Result], metric: str, **narrowed: str) -> float:
    """Return the value of the one result of that metric."""
    found = only(results, metric, **narrowed)
    assert found.value is not None, found.reason
    return found.value
