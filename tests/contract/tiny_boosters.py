"""Small models of XGBoost, LightGBM and CatBoost, of every kind of objective, as files that a user would submit."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.opened_model import opened_library_model
from mltest.shared.domain import ModelInfo
from mltest.shared.model_format import format_of
from mltest.shared.native.libraries import open_library_model
from mltest.shared.native.library_model import LibraryModel
from tests.contract.tiny_models import labelled_rows, rows_and_signal

Numbers = NDArray[np.floating]
_ROUNDS = 6
_GAP_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class TinyBooster:
    """The bytes of a model, with rows that it has not seen."""

    content: bytes
    rows: Numbers


def _xgboost(
    objective: str, rows: Numbers, truth: NDArray[Any], *, kind: str = "json", data: Any = (), **more: Any
) -> TinyBooster:
    import xgboost

    rounds = more.pop("rounds", _ROUNDS)
    matrix = xgboost.DMatrix(rows[:200], truth[:200], **dict(data))
    settings = {"objective": objective, "nthread": 1, "max_depth": 4, **more}
    with warnings.catch_warnings():
        # It says that a linear model has no depth.
        warnings.simplefilter("ignore")
        booster = xgboost.train(settings, matrix, rounds)
    return TinyBooster(bytes(booster.save_raw(kind)), rows[200:])


def _lightgbm(objective: Any, rows: Numbers, truth: NDArray[Any], *, data: Any = (), **more: Any) -> TinyBooster:
    import lightgbm

    settings = {"objective": objective, "num_threads": 1, "verbose": -1, "num_leaves": 8, "min_data_in_leaf": 5, **more}
    with warnings.catch_warnings():
        # It says that a tiny model cannot be split any further.
        warnings.simplefilter("ignore")
        booster = lightgbm.train(settings, lightgbm.Dataset(rows[:200], truth[:200], **dict(data)), _ROUNDS)
    return TinyBooster(booster.model_to_string().encode(), rows[200:])


def _catboost(loss: str, rows: Numbers, truth: NDArray[Any]) -> TinyBooster:
    import catboost

    settings = {"loss_function": loss, "iterations": _ROUNDS, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoost(settings).fit(rows[:200], truth[:200], verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        model.save_model(str(path))
        return TinyBooster(path.read_bytes(), rows[200:])


def _classes(count: int) -> tuple[Numbers, NDArray[Any]]:
    return labelled_rows(np.arange(count))


def _texts() -> tuple[Numbers, NDArray[Any]]:
    return labelled_rows(np.array(["ham", "spam"]))


def _values() -> tuple[Numbers, Numbers]:
    return rows_and_signal()


def _counts() -> tuple[Numbers, Numbers]:
    rows, signal = rows_and_signal()
    return rows, np.round(np.exp(signal)) + 1


def _shares() -> tuple[Numbers, Numbers]:
    rows, signal = rows_and_signal()
    return rows, 1 / (1 + np.exp(-signal))


def _pairs() -> tuple[Numbers, Numbers]:
    rows, signal = rows_and_signal()
    return rows, np.column_stack([signal, -signal])


def _gaps() -> tuple[Numbers, NDArray[Any]]:
    """Return rows with missing values."""
    rows, labels = _classes(2)
    return np.where(np.random.default_rng(1).random(rows.shape) < _GAP_SHARE, np.nan, rows), labels


def _categories() -> tuple[Numbers, NDArray[Any]]:
    """Return rows whose first feature is one of 12 categories."""
    random = np.random.default_rng(2)
    kinds = random.integers(0, 12, 400).astype(float)
    rows = np.column_stack([kinds, random.normal(size=(400, 3))])
    return rows, (np.isin(kinds, [1, 5, 7]) * 2 + rows[:, 1] > 1).astype(int)


def _own_objective(scores: Numbers, data: Any) -> tuple[Numbers, Numbers]:
    return scores - data.get_label(), np.ones(len(scores))


_CATEGORICAL: dict[str, Any] = {"feature_types": ["c", "q", "q", "q"], "enable_categorical": True}
_FOREST: dict[str, Any] = {"num_parallel_tree": 6, "subsample": 0.6, "eta": 1, "rounds": 1}
_AVERAGED: dict[str, Any] = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
_SETS: dict[str, Any] = {"max_cat_to_onehot": 2, "tree_method": "hist"}
_GROUPED: dict[str, Any] = {"min_data_per_group": 5, "cat_smooth": 1, "data": {"categorical_feature": [0]}}

_MADE: dict[str, dict[str, Callable[[], TinyBooster]]] = {
    "xgboost": {
        "two classes": lambda: _xgboost("binary:logistic", *_classes(2)),
        "three classes": lambda: _xgboost("multi:softprob", *_classes(3), num_class=3, kind="ubj"),
        "labels of three classes": lambda: _xgboost("multi:softmax", *_classes(3), num_class=3),
        "raw scores": lambda: _xgboost("binary:logitraw", *_classes(2)),
        "hinge": lambda: _xgboost("binary:hinge", *_classes(2)),
        "dart": lambda: _xgboost("binary:logistic", *_classes(2), booster="dart", rate_drop=0.3),
        "linear": lambda: _xgboost("binary:logistic", *_classes(2), booster="gblinear"),
        "forest": lambda: _xgboost("binary:logistic", *_classes(2), **_FOREST),
        "gaps": lambda: _xgboost("binary:logistic", *_gaps()),
        "categories": lambda: _xgboost("binary:logistic", *_categories(), data=_CATEGORICAL, **_SETS),
        "values": lambda: _xgboost("reg:squarederror", *_values(), kind="ubj"),
        "counts": lambda: _xgboost("count:poisson", *_counts()),
        "shares": lambda: _xgboost("reg:logistic", *_shares()),
        "two values a row": lambda: _xgboost("reg:squarederror", *_pairs()),
    },
    "lightgbm": {
        "two classes": lambda: _lightgbm("binary", *_classes(2)),
        "three classes": lambda: _lightgbm("multiclass", *_classes(3), num_class=3),
        "one against all": lambda: _lightgbm("multiclassova", *_classes(3), num_class=3),
        "forest": lambda: _lightgbm("binary", *_classes(2), **_AVERAGED),
        "gaps": lambda: _lightgbm("binary", *_gaps()),
        "categories": lambda: _lightgbm("binary", *_categories(), **_GROUPED),
        "values": lambda: _lightgbm("regression", *_values()),
        "counts": lambda: _lightgbm("poisson", *_counts()),
        "roots": lambda: _lightgbm("regression", *_counts(), reg_sqrt=True),
        "linear leaves": lambda: _lightgbm("regression", *_values(), linear_tree=True),
        "own objective": lambda: _lightgbm(_own_objective, *_values()),
    },
    "catboost": {
        "two text labels": lambda: _catboost("Logloss", *_texts()),
        "three classes": lambda: _catboost("MultiClass", *_classes(3)),
        "one against all": lambda: _catboost("MultiClassOneVsAll", *_classes(3)),
        "gaps": lambda: _catboost("Logloss", *_gaps()),
        "values": lambda: _catboost("RMSE", *_values()),
        "counts": lambda: _catboost("Poisson", *_counts()),
    },
}
_ALL = {f"{library}, {name}": made for library, models in _MADE.items() for name, made in models.items()}
BOOSTER_NAMES = tuple(name for name in _ALL if find_spec(name.partition(",")[0]))
"""Those whose library is installed."""


@cache
def tiny_booster(name: str) -> TinyBooster:
    """Return one model, trained once."""
    return _ALL[name]()


def write_booster(name: str, folder: Path) -> Path:
    """Write the model `name` below `folder`; the name of the file does not tell its format."""
    path = folder / f"{name}.model"
    path.write_bytes(tiny_booster(name).content)
    return path


@cache
def booster_info(name: str) -> ModelInfo:
    """Return what the builder says of the model `name`."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_booster(name, Path(folder))
        return opened_library_model(path, format_of(path)).info


@cache
def booster_native(name: str) -> LibraryModel:
    """Return the model `name` in its own library."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_booster(name, Path(folder))
        return open_library_model(path, format_of(path))
