"""What a scikit-learn estimator answers, and how it is asked.

Where the final estimator has `predict_proba`, a timed call is `predict_proba` (Output.PROBABILITIES); a classifier
without it answers `predict` (LABELS), as does a clustering, a regressor `predict` (VALUES). Labels always come from
`predict`, so that
nothing differs from what users get: where `predict` is not the class of largest probability (Platt-scaled support
vector machines, clipped SGD), the timed call is `predict` as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError, PredictionError
from mltest.shared.native.class_labels import class_indices, class_texts
from mltest.shared.native.clusterings import cluster_names, input_dtype, is_clustering
from mltest.shared.native.predictions import Predictions

Estimator = Any
"""scikit-learn publishes no types."""

_FAMILIES = (
    ("sklearn.ensemble._forest", "forest"),
    ("sklearn.ensemble._gb", "boosting"),
    ("sklearn.ensemble._hist_gradient_boosting", "boosting"),
    ("sklearn.ensemble._weight_boosting", "boosting"),
    ("sklearn.ensemble._bagging", "bagging"),
    ("sklearn.tree", "tree"),
    ("sklearn.svm", "svm"),
    ("sklearn.linear_model", "linear"),
    ("sklearn.neural_network", "mlp"),
    ("sklearn.neighbors", "neighbors"),
    ("sklearn.naive_bayes", "bayes"),
    ("sklearn.cluster", "clusters"),
    ("sklearn.mixture", "mixture"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeModel:
    """A fitted estimator with what it answers."""

    estimator: Estimator
    family: str
    kind: str
    task: Task
    output: Output
    feature_count: int
    classes: tuple[str, ...]
    """As text, in the order of the scores; the numbers of clusters; empty for a regressor."""
    feature_names: tuple[str, ...]
    """Column names that it was fitted with; empty if it was fitted without."""

    @property
    def input_dtype(self) -> str:
        """Type in which it gets rows: float64, but float32 where it is a k-means that was fitted on float32."""
        return input_dtype(final_estimator(self.estimator))

    def call(self, output: Output) -> Callable[[NDArray[np.floating]], object]:
        """Return what a user calls to get `output`; this is what is timed."""
        method = self.estimator.predict_proba if output is Output.PROBABILITIES else self.estimator.predict
        answer: Callable[[NDArray[np.floating]], object] = method
        return answer

    def prepare(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return `rows` (rows, features) as the estimator takes them: of `input_dtype`, C-contiguous."""
        return np.ascontiguousarray(rows, dtype=self.input_dtype)

    def predictions(self, rows: NDArray[np.floating]) -> Predictions:
        """Return labels and scores for `rows`, as `prepare` returned them.

        Raises:
            PredictionError: the estimator does not take them; scikit-learn's own words are in the message.

        """
        try:
            return self._values(rows) if self.task is Task.REGRESSION else self._labels(rows)
        except MemoryError:
            raise
        except Exception as error:
            line = (str(error).strip().splitlines() or [""])[0]
            detail = line if isinstance(error, ValueError) else f"{type(error).__name__}: {line}"
            raise PredictionError(detail=detail) from error

    def _values(self, rows: NDArray[np.floating]) -> Predictions:
        values = np.asarray(self.estimator.predict(rows), dtype=np.float64)
        return Predictions(scores=values.reshape(len(rows), -1))

    def _labels(self, rows: NDArray[np.floating]) -> Predictions:
        labels = class_indices(np.asarray(self.estimator.predict(rows)), self.classes)
        for name in ("predict_proba", "decision_function"):
            if hasattr(self.estimator, name):
                scores = np.asarray(getattr(self.estimator, name)(rows), dtype=np.float64).reshape(len(rows), -1)
                return Predictions(labels=labels, scores=scores, are_probabilities=name == "predict_proba")
        return Predictions(labels=labels)


def describe_estimator(estimator: Estimator) -> NativeModel:
    """Return what `estimator`, fitted, answers.

    Raises:
        ModelUnsupportedError: it is neither a regressor, nor a classifier with one label for each row, nor a clustering
            that takes new rows.
        ModelInvalidError: it does not say how many features it takes.

    """
    final = final_estimator(estimator)
    task = _task(estimator)
    classes: tuple[str, ...] = _classes(estimator) if task is Task.CLASSIFICATION else ()
    if task is Task.CLUSTERING:
        classes = cluster_names(final)
    return NativeModel(
        estimator=estimator,
        family=_family(final),
        kind=_kind(estimator),
        task=task,
        output=_output(estimator, final),
        feature_count=_feature_count(estimator),
        classes=classes,
        feature_names=tuple(str(name) for name in getattr(estimator, "feature_names_in_", ())),
    )


def final_estimator(estimator: Estimator) -> Estimator:
    """Return the estimator that answers: the last step of a pipeline, the best one of a search."""
    from sklearn.pipeline import Pipeline

    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def _task(estimator: Estimator) -> Task:
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator):
        return Task.CLASSIFICATION
    if is_regressor(estimator):
        return Task.REGRESSION
    if is_clustering(final_estimator(estimator)):
        return Task.CLUSTERING
    raise ModelUnsupportedError(
        detail=f"{_kind(estimator)} is neither a classifier nor a regressor, nor a clustering that takes new rows"
    )


def _output(estimator: Estimator, final: Estimator) -> Output:
    if _task(estimator) is Task.REGRESSION:
        return Output.VALUES
    is_decided_otherwise = getattr(final, "probability", False) or getattr(final, "loss", "") == "modified_huber"
    has_probabilities = hasattr(estimator, "predict_proba") and not is_decided_otherwise
    return Output.PROBABILITIES if has_probabilities else Output.LABELS


def _classes(estimator: Estimator) -> tuple[str, ...]:
    classes = estimator.classes_
    # MLPClassifier and RidgeClassifier list the classes of a multilabel problem like those of a multiclass one.
    target_type = getattr(getattr(final_estimator(estimator), "_label_binarizer", None), "y_type_", "")
    if isinstance(classes, list) or "multilabel" in target_type:
        raise ModelUnsupportedError(detail=f"{_kind(estimator)} gives several labels for each row")
    return class_texts(np.asarray(classes))


def _feature_count(estimator: Estimator) -> int:
    from sklearn.pipeline import Pipeline

    while isinstance(estimator, Pipeline):
        # Steps that pass rows on as they are know nothing of them; the next one does.
        estimator = next(step for _, step in estimator.steps if step is not None and step != "passthrough")
    count = getattr(estimator, "n_features_in_", None)
    if not isinstance(count, int | np.integer) or count < 1:
        raise ModelInvalidError(detail=f"{_kind(estimator)} does not say how many features it takes")
    return int(count)


def _kind(estimator: Estimator) -> str:
    steps = getattr(estimator, "steps", None)
    name = type(estimator).__name__
    return f"{name}({', '.join(type(step).__name__ for _, step in steps)})" if steps else name


def _family(final: Estimator) -> str:
    for base in type(final).__mro__:
        for prefix, family in _FAMILIES:
            if base.__module__.startswith(prefix):
                return family
    return "other"
