"""Fitted models that are chains of matrix products, of every kind and number of classes, with rows to ask for."""

import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.shared.native.outputs import NativeModel, describe_estimator
from tests.contract.c_sources import estimator_source

Rows = NDArray[np.float64]

DATASETS = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}
"""Ten, two and three classes."""
_NETWORK = {"hidden_layer_sizes": (20, 11), "max_iter": 25, "random_state": 0}
CLASSIFIERS: dict[str, Any] = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "linear support vectors": lambda: make_pipeline(MinMaxScaler(), LinearSVC(random_state=0)),
    "radial support vectors": lambda: make_pipeline(StandardScaler(), SVC()),
    "linear kernel": lambda: make_pipeline(StandardScaler(), SVC(kernel="linear")),
    "network": lambda: make_pipeline(StandardScaler(), MLPClassifier(**_NETWORK)),
}
"""Five families, each tried with every dataset."""
_OTHERS: dict[str, tuple[str, Any]] = {
    "ridge, two classes": ("cancer", RidgeClassifier()),
    "perceptron": ("digits", Perceptron(random_state=0)),
    "hinge loss": ("wine", make_pipeline(RobustScaler(), SGDClassifier(random_state=0))),
    "logistic loss against the rest": (
        "wine",
        make_pipeline(MaxAbsScaler(), SGDClassifier("log_loss", random_state=0)),
    ),
    "polynomial kernel": ("wine", make_pipeline(StandardScaler(), SVC(kernel="poly", degree=5, coef0=0.5))),
    "polynomial kernel, degree 0": ("cancer", make_pipeline(StandardScaler(), SVC(kernel="poly", degree=0))),
    "sigmoid kernel": ("cancer", make_pipeline(StandardScaler(), SVC(kernel="sigmoid"))),
    "scores of pairs": ("digits", make_pipeline(MinMaxScaler(), SVC(decision_function_shape="ovo"))),
    "ties that scores break": ("digits", NuSVC(nu=0.1, break_ties=True)),
    "coupled probabilities": ("wine", make_pipeline(StandardScaler(), SVC(probability=True, random_state=0))),
    "two coupled probabilities": ("cancer", make_pipeline(StandardScaler(), SVC(probability=True, random_state=0))),
    "tanh network": ("wine", make_pipeline(MinMaxScaler(), MLPClassifier(activation="tanh", **_NETWORK))),
    "logistic network": ("cancer", make_pipeline(StandardScaler(), MLPClassifier(activation="logistic", **_NETWORK))),
    "least squares": ("diabetes", LinearRegression()),
    "two values a row": ("diabetes two", Ridge()),
    "radial values": ("diabetes", SVR(C=100)),
    "linear values": ("diabetes", NuSVR(kernel="linear")),
    "values of a network": ("diabetes", MLPRegressor(activation="identity", **_NETWORK)),
}


def classifier_names() -> list[str]:
    """Return the names of every family with every dataset."""
    return [f"{family}, {dataset}" for family in CLASSIFIERS for dataset in DATASETS]


NAMES = (*classifier_names(), *_OTHERS)


@cache
def native_of(name: str) -> NativeModel:
    """Return the model, fitted on every second row."""
    family, _, dataset = name.rpartition(", ")
    if name not in _OTHERS:
        rows, truth = data(dataset)
        estimator = CLASSIFIERS[family]()
    else:
        dataset, estimator = _OTHERS[name]
        rows, truth = data(dataset)
    with warnings.catch_warnings():
        # Small networks need not converge; probabilities of libsvm are announced to go.
        warnings.simplefilter("ignore")
        return describe_estimator(estimator.fit(rows[::2], truth[::2]))


@cache
def data(name: str) -> tuple[Rows, NDArray[Any]]:
    """Return rows and what is true of them."""
    if name in DATASETS:
        rows, truth = DATASETS[name](return_X_y=True)
        return rows, truth
    rows, truth = load_diabetes(return_X_y=True)
    return rows, np.column_stack([truth, -truth]) if name.endswith("two") else truth


def is_support_vectors(name: str) -> bool:
    """Return whether it is of the family of support vector machines; without fitting it."""
    estimator = _OTHERS[name][1] if name in _OTHERS else CLASSIFIERS[name.rpartition(", ")[0]]()
    final = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return type(final).__module__.startswith("sklearn.svm")


def rows_of(name: str) -> Rows:
    """Return rows, half of them unseen."""
    dataset = _OTHERS[name][0] if name in _OTHERS else name.rpartition(", ")[2]
    return data(dataset)[0][:601]


def source_of(name: str) -> ExportSource:
    """Return the model as an exporter gets it."""
    return sourced(native_of(name))


def sourced(native: NativeModel) -> ExportSource:
    """Return an opened estimator as an exporter gets it."""
    return estimator_source(native.estimator)
