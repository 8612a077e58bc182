"""Small fitted models of every family, with every kind of label, as files that a user would submit."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A fitted estimator with rows that it has not seen."""

    estimator: Any
    rows: NDArray[np.floating]


_NETWORK = {"hidden_layer_sizes": (8,), "max_iter": 60, "random_state": 0}
_FOREST = {"n_estimators": 6, "max_depth": 5, "random_state": 0}
_BOOSTED = {"n_estimators": 6, "random_state": 0}
_HISTOGRAM = {"max_iter": 6, "random_state": 0}

_THREE, _TWO = np.array([0, 1, 2]), np.array([0, 1])
_CLASSIFIERS: dict[str, tuple[Any, NDArray[Any]]] = {
    "forest, three classes": (RandomForestClassifier(**_FOREST), _THREE),
    "forest, text labels": (RandomForestClassifier(**_FOREST), np.array(["ham", "spam"])),
    "extra trees, truth labels": (ExtraTreesClassifier(**_FOREST), np.array([False, True])),
    "tree, negative labels": (DecisionTreeClassifier(random_state=0), np.array([-1, 1])),
    "boosting, two classes": (GradientBoostingClassifier(**_BOOSTED), _TWO),
    "boosting, three text labels": (GradientBoostingClassifier(**_BOOSTED), np.array(["a", "b", "c"])),
    "histogram boosting, two classes": (HistGradientBoostingClassifier(**_HISTOGRAM), _TWO),
    "histogram boosting, three classes": (HistGradientBoostingClassifier(**_HISTOGRAM), _THREE),
    "logistic, truth labels": (LogisticRegression(), np.array([False, True])),
    "logistic, three classes": (LogisticRegression(), np.array([3, 5, 9])),
    "ridge, two classes": (RidgeClassifier(), _TWO),
    "ridge, three text labels": (RidgeClassifier(), np.array(["a", "b", "c"])),
    "linear svm, negative labels": (LinearSVC(random_state=0), np.array([-1, 1])),
    "linear svm, three classes": (LinearSVC(random_state=0), _THREE),
    "svm, two text labels": (SVC(), np.array(["no", "yes"])),
    "svm, three classes": (SVC(), _THREE),
    "network, two classes": (MLPClassifier(**_NETWORK), _TWO),
    "network, three text labels": (MLPClassifier(**_NETWORK), np.array(["a", "b", "c"])),
    "scaled svm": (make_pipeline(StandardScaler(), SVC()), _TWO),
    "scaled linear svm": (make_pipeline(StandardScaler(), LinearSVC(random_state=0)), _THREE),
    "scaled network": (make_pipeline(MinMaxScaler(), MLPClassifier(**_NETWORK)), _TWO),
    "scaled forest": (make_pipeline(StandardScaler(), RandomForestClassifier(**_FOREST)), _TWO),
}
_REGRESSORS: dict[str, Any] = {
    "forest of values": RandomForestRegressor(**_FOREST),
    "extra trees of values": ExtraTreesRegressor(**_FOREST),
    "tree of values": DecisionTreeRegressor(random_state=0),
    "boosting of values": GradientBoostingRegressor(**_BOOSTED),
    "histogram boosting of values": HistGradientBoostingRegressor(**_HISTOGRAM),
    "least squares": LinearRegression(),
    "ridge of values": Ridge(),
    "svm of values": SVR(),
    "network of values": MLPRegressor(**_NETWORK),
    "scaled svm of values": make_pipeline(StandardScaler(), SVR()),
}
_SPECIAL: dict[str, Callable[[], TinyModel]] = {
    "forest, one feature": lambda: _classified(RandomForestClassifier(**_FOREST), _TWO, feature_count=1),
    "logistic, float32 data": lambda: _classified(LogisticRegression(), _TWO, dtype=np.float32),
    "two values a row": lambda: _two_targets(RandomForestRegressor(**_FOREST)),
}

NAMES = (*_CLASSIFIERS, *_REGRESSORS, *_SPECIAL)


@cache
def tiny_model(name: str) -> TinyModel:
    """Return one estimator, fitted once."""
    if name in _SPECIAL:
        return _SPECIAL[name]()
    if name in _CLASSIFIERS:
        return _classified(*_CLASSIFIERS[name])
    rows, signal = rows_and_signal()
    return TinyModel(_fitted(_REGRESSORS[name], rows[:200], signal[:200]), rows[200:])


def _classified(
    estimator: Any, labels: NDArray[Any], *, feature_count: int = 4, dtype: type[np.floating] = np.float64
) -> TinyModel:
    rows, truth = labelled_rows(labels, feature_count)
    rows = rows.astype(dtype)
    return TinyModel(_fitted(estimator, rows[:200], truth[:200]), rows[200:])


def _two_targets(estimator: Any) -> TinyModel:
    rows, signal = rows_and_signal()
    return TinyModel(_fitted(estimator, rows[:200], np.column_stack([signal, -signal])[:200]), rows[200:])


def labelled_rows(labels: NDArray[Any], feature_count: int = 4) -> tuple[NDArray[np.floating], NDArray[Any]]:
    """Return 400 rows, and for each one of `labels`, all of them equally often."""
    rows, signal = rows_and_signal(feature_count)
    bins = np.quantile(signal, np.linspace(0, 1, len(labels) + 1)[1:-1])
    return rows, labels[np.digitize(signal, bins)]


def rows_and_signal(feature_count: int = 4) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 400 rows, and a number for each that depends on them."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, feature_count))
    return rows, rows[:, 0] + np.sin(3 * rows[:, -1]) + random.normal(scale=0.2, size=400)


def _fitted(estimator: Any, rows: NDArray[Any], truth: NDArray[Any]) -> Any:
    with warnings.catch_warnings():
        # A tiny network need not converge.
        warnings.simplefilter("ignore")
        return estimator.fit(rows, truth)
