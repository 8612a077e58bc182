"""A submitted model, opened in the builder's child: its facts, and its predictions as the reference."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.tokens import check_tokens
from mltest.shared.domain import ModelInfo, Output, Task
from mltest.shared.errors import DataMismatchError, ModelUnsupportedError
from mltest.shared.native.class_labels import UNKNOWN, class_indices
from mltest.shared.native.estimators import open_estimator
from mltest.shared.native.libraries import open_library_model
from mltest.shared.native.onnx_graph import LANGUAGE_MODEL, GraphFacts, inspect_graph
from mltest.shared.native.onnx_session import OnnxSession, open_session, sum_to_one
from mltest.shared.native.outputs import NativeModel, describe_estimator
from mltest.shared.native.predictions import Predictions

TRIED_ROWS = 100
"""Rows on which a graph is tried to see what its numbers are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedModel:
    """What inspection needs of a model, whatever its format."""

    info: ModelInfo
    predict: Callable[[NDArray[np.floating]], Predictions]
    """For rows (rows, features) of the dataset's type."""
    feature_names: tuple[str, ...] = ()
    """Column names that it was fitted with; empty if unknown."""
    notes: tuple[str, ...] = ()


def open_native(path: Path, file_format: str, *, allows_pickle: bool) -> tuple[NativeModel, tuple[str, ...]]:
    """Open a scikit-learn file; return the estimator and what opening it warned of."""
    opened = open_estimator(path, file_format, allows_pickle=allows_pickle)
    return describe_estimator(opened.estimator), opened.notes


def opened_estimator(native: NativeModel, notes: tuple[str, ...], *, file_format: str, size_bytes: int) -> OpenedModel:
    """Return a scikit-learn model as inspection sees it."""
    info = ModelInfo(
        format=file_format,
        family=native.family,
        kind=native.kind,
        task=native.task,
        output=native.output,
        feature_count=native.feature_count,
        classes=native.classes,
        size_bytes=size_bytes,
    )
    return OpenedModel(
        info=info,
        predict=lambda rows: native.predictions(native.prepare(rows)),
        feature_names=native.feature_names,
        notes=notes,
    )


def opened_library_model(path: Path, file_format: str) -> OpenedModel:
    """Return a model of a library of boosted trees as inspection sees it.

    Raises:
        ModelInvalidError: it is damaged or crafted.
        ModelUnsupportedError: it needs what is not supported, or its library is not installed here.

    """
    model = open_library_model(path, file_format)
    facts = model.facts
    info = ModelInfo(
        format=file_format,
        family=facts.family,
        kind=facts.kind,
        task=facts.task,
        output=facts.output,
        feature_count=facts.feature_count,
        classes=facts.classes,
        size_bytes=path.stat().st_size,
    )
    return OpenedModel(
        info=info,
        predict=lambda rows: model.predictions(model.prepare(rows)),
        feature_names=facts.feature_names,
        notes=facts.notes,
    )


def opened_graph(path: Path, data: RawData) -> OpenedModel:
    """Return an ONNX model as inspection sees it.

    A graph does not say what its numbers mean; where there is more than one reading, the data decide.
    """
    facts = inspect_graph(path)
    width = data.rows.shape[1]
    if facts.feature_count not in (0, width):
        raise DataMismatchError(detail=f"the model takes {facts.feature_count} features, the data have {width}")
    session = open_session(path, threads=1)
    if facts.family == LANGUAGE_MODEL:
        check_tokens(data.rows)
        task, output, classes = Task.REGRESSION, Output.VALUES, tuple[str, ...]()
    else:
        task, output, classes = _reading(session, facts, data)

    def predict(rows: NDArray[np.floating]) -> Predictions:
        return session.predictions(_prepared(rows, session), task=task, classes=classes)

    info = ModelInfo(
        format="onnx",
        family=facts.family,
        kind=facts.kind,
        task=task,
        output=output,
        feature_count=width,
        classes=classes,
        size_bytes=path.stat().st_size,
    )
    return OpenedModel(info=info, predict=predict)


def _prepared(rows: NDArray[np.floating], session: OnnxSession) -> NDArray[np.floating]:
    return np.ascontiguousarray(rows, dtype=session.input_dtype)


def _reading(session: OnnxSession, facts: GraphFacts, data: RawData) -> tuple[Task, Output, tuple[str, ...]]:
    if not session.has_scores:
        if not facts.classes:
            raise ModelUnsupportedError(detail="the ONNX graph gives labels, but does not name its classes")
        return Task.CLASSIFICATION, Output.LABELS, facts.classes
    rows = _prepared(data.rows[:TRIED_ROWS], session)
    scores = session.predictions(rows, task=Task.REGRESSION, classes=facts.classes).scores
    assert scores is not None
    classes = _classes(facts, scores.shape[1])
    if session.has_labels and _names_unknown_labels(session, rows, classes):
        raise ModelUnsupportedError(detail="the ONNX graph gives labels, but does not name its classes")
    if facts.is_clustering and session.has_labels:
        return Task.CLUSTERING, Output.LABELS, classes
    if sum_to_one(scores):
        return Task.CLASSIFICATION, Output.PROBABILITIES, classes
    if session.has_labels:
        return Task.CLASSIFICATION, Output.LABELS, classes
    return read_scores(scores, classes, data.truth)


def read_scores(
    scores: NDArray[np.float64], classes: tuple[str, ...], truth: NDArray[np.generic] | None
) -> tuple[Task, Output, tuple[str, ...]]:
    """Return what numbers (rows, outputs) are: probabilities or scores of `classes`, or values; the truth decides."""
    if sum_to_one(scores):
        return Task.CLASSIFICATION, Output.PROBABILITIES, classes
    if scores.shape[1] > 1 and _are_labels(truth, classes):
        return Task.CLASSIFICATION, Output.SCORES, classes
    return Task.REGRESSION, Output.VALUES, ()


def _classes(facts: GraphFacts, width: int) -> tuple[str, ...]:
    """Return the classes that the graph names, if they are as many as its scores; else positions."""
    is_binary_decision = width == 1 and len(facts.classes) == 2
    if len(facts.classes) == width or is_binary_decision:
        return facts.classes
    return tuple(str(index) for index in range(width))


def _names_unknown_labels(session: OnnxSession, rows: NDArray[np.floating], classes: tuple[str, ...]) -> bool:
    labels = session.predictions(rows, task=Task.CLASSIFICATION, classes=classes).labels
    return labels is not None and bool((labels == UNKNOWN).any())


def _are_labels(truth: NDArray[np.generic] | None, classes: tuple[str, ...]) -> bool:
    return truth is not None and truth.ndim == 1 and not bool(np.any(class_indices(truth, classes) == UNKNOWN))
