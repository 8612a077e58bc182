"""One small model of every family, on data that comes with scikit-learn, as files that a user would submit."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

TWO, THREE, TEN, VALUES = "breast_cancer", "wine", "digits", "diabetes"
"""Data of scikit-learn: two, three and ten classes, and values."""


TIES = "ties"
"""Three classes, and features of a few values, half of which are then the thresholds between them."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to train with, and rows to validate with."""

    rows: NDArray[np.floating]
    truth: NDArray[Any]
    held_out: NDArray[np.floating]
    held_out_truth: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A row of the matrix."""

    family: str
    """As the builder has to say."""
    data: str
    write: Callable[[Split, Path], None]
    """Trains with a split, and writes the model."""
    library: str = ""
    """Importable name of what the tools of development may lack."""
    extra: str = ""
    """What installs it, if that is not named after the library."""

    @property
    def remedy(self) -> str:
        """The command that installs the library."""
        return f"pip install 'mltest-fleet[{self.extra or f'runtimes-{self.library}'}]'"

    @property
    def is_here(self) -> bool:
        """Whether it can be tried."""
        return not self.library or find_spec(self.library) is not None


def files_of(family: Family, folder: Path) -> tuple[Path, Path]:
    """Train, and return where model and data are."""
    split = _split(family.data)
    model, data = folder / "model", folder / "data.npz"
    with warnings.catch_warnings():
        # Small networks and linear models need not converge.
        warnings.simplefilter("ignore")
        family.write(split, model)
    np.savez(data, X=split.held_out, y=split.held_out_truth)
    return model, data


@cache
def _split(name: str) -> Split:
    rows, truth = _with_ties() if name == TIES else getattr(datasets, f"load_{name}")(return_X_y=True)
    train, held_out, train_truth, held_out_truth = train_test_split(rows, truth, random_state=0)
    return Split(train, train_truth, held_out, held_out_truth)


def _with_ties() -> tuple[NDArray[np.floating], NDArray[Any]]:
    random = np.random.default_rng(0)
    rows = random.integers(0, 12, size=(600, 6)) / 10
    rows[300:] += 0.05 * random.integers(0, 2, size=(300, 6))
    return rows, np.digitize(rows[:, 0] + rows[:, 1] * rows[:, 2], [0.6, 1.1])


def _estimator(family: str, data: str, estimator: Any) -> Family:
    def write(split: Split, path: Path) -> None:
        import skops.io

        skops.io.dump(estimator.fit(split.rows, split.truth), path)

    return Family(family, data, write)


def _xgboost(family: str, data: str, kind: str = "json", **settings: Any) -> Family:
    def write(split: Split, path: Path) -> None:
        import xgboost

        matrix = xgboost.DMatrix(split.rows, split.truth)
        booster = xgboost.train({"nthread": 1, "max_depth": 5, **settings}, matrix, 20)
        path.write_bytes(booster.save_raw(kind))

    return Family(family, data, write, "xgboost")


def _lightgbm(family: str, data: str, **settings: Any) -> Family:
    def write(split: Split, path: Path) -> None:
        import lightgbm

        data_set = lightgbm.Dataset(split.rows, split.truth)
        lightgbm.train({"num_threads": 1, "verbose": -1, **settings}, data_set, 20).save_model(path)

    return Family(family, data, write, "lightgbm")


def _catboost(family: str, data: str, loss: str) -> Family:
    def write(split: Split, path: Path) -> None:
        import catboost

        settings = {"loss_function": loss, "iterations": 20, "thread_count": 1, "allow_writing_files": False}
        catboost.CatBoost(settings).fit(split.rows, split.truth, verbose=False).save_model(str(path), format="cbm")

    return Family(family, data, write, "catboost")


def _torch(family: str, data: str, layers: Callable[[Any, int], list[Any]], row_shape: tuple[int, ...] = ()) -> Family:
    """Return a network of `layers(torch.nn, features)`, which takes rows of a shape of its own."""

    def write(split: Split, path: Path) -> None:
        import torch

        torch.manual_seed(0)
        rows = torch.from_numpy(split.rows.astype(np.float32))
        shape = row_shape or rows.shape[1:]
        scaled = torch.nn.BatchNorm1d(rows.shape[1]) if not row_shape else torch.nn.BatchNorm2d(row_shape[0])
        network = torch.nn.Sequential(scaled, *layers(torch.nn, rows.shape[1]))
        _train(network, rows.reshape(-1, *shape), torch.from_numpy(split.truth))
        dynamic = ({0: torch.export.Dim.DYNAMIC},)
        program = torch.export.export(network.eval(), (torch.zeros((2, *shape)),), dynamic_shapes=dynamic)
        with path.open("wb") as stream:
            torch.export.save(program, stream)

    return Family(family, data, write, "torch", "builder-torch")


def _train(network: Any, rows: Any, truth: Any) -> None:
    import torch

    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        optimiser.zero_grad()
        output = network(rows)
        is_classifier = output.shape[1] > 1
        loss = (
            torch.nn.functional.cross_entropy(output, truth)
            if is_classifier
            else torch.nn.functional.mse_loss(output[:, 0], truth.float())
        )
        loss.backward()
        optimiser.step()


def _dense(outputs: int) -> Callable[[Any, int], list[Any]]:
    return lambda nn, features: [nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, outputs)]


def _convolutions(nn: Any, features: int) -> list[Any]:
    return [nn.Conv2d(1, 4, 3), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10), nn.Softmax(1)]


_TREES = {"n_estimators": 10, "max_depth": 6, "random_state": 0}
_STAGES = {"n_estimators": 10, "random_state": 0}
_NETWORK = {"hidden_layer_sizes": (16,), "max_iter": 80, "random_state": 0}


def _columns() -> Any:
    """Return a transformer that scales some columns and bins others."""
    scaled, binned = ("scaled", StandardScaler(), [0, 1, 2]), ("binned", KBinsDiscretizer(4, encode="ordinal"), [3, 4])
    return ColumnTransformer([scaled, binned])


FAMILIES: dict[str, Family] = {
    "RandomForestClassifier": _estimator("forest", TEN, RandomForestClassifier(**_TREES)),
    "RandomForestClassifier, two classes": _estimator("forest", TWO, RandomForestClassifier(**_TREES)),
    "RandomForestRegressor": _estimator("forest", VALUES, RandomForestRegressor(**_TREES)),
    "ExtraTreesClassifier": _estimator("forest", THREE, ExtraTreesClassifier(**_TREES)),
    "ExtraTreesRegressor": _estimator("forest", VALUES, ExtraTreesRegressor(**_TREES)),
    "DecisionTreeClassifier": _estimator("tree", THREE, DecisionTreeClassifier(random_state=0)),
    "DecisionTreeRegressor": _estimator("tree", VALUES, DecisionTreeRegressor(max_depth=6, random_state=0)),
    "GradientBoostingClassifier": _estimator("boosting", TWO, GradientBoostingClassifier(**_STAGES)),
    "GradientBoostingRegressor": _estimator("boosting", VALUES, GradientBoostingRegressor(**_STAGES)),
    "HistGradientBoostingClassifier": _estimator("boosting", THREE, HistGradientBoostingClassifier(max_iter=10)),
    "HistGradientBoostingRegressor": _estimator("boosting", VALUES, HistGradientBoostingRegressor(max_iter=10)),
    "AdaBoostClassifier": _estimator("boosting", TWO, AdaBoostClassifier(**_STAGES)),
    "AdaBoostRegressor": _estimator("boosting", VALUES, AdaBoostRegressor(**_STAGES)),
    "LinearRegression": _estimator("linear", VALUES, LinearRegression()),
    "Ridge": _estimator("linear", VALUES, Ridge()),
    "LogisticRegression": _estimator("linear", THREE, LogisticRegression(max_iter=100)),
    "RidgeClassifier": _estimator("linear", TWO, RidgeClassifier()),
    "SGDClassifier, hinge": _estimator("linear", THREE, SGDClassifier(random_state=0)),
    "SGDClassifier, log loss": _estimator("linear", TWO, SGDClassifier(loss="log_loss", random_state=0)),
    "SGDRegressor": _estimator("linear", VALUES, SGDRegressor(random_state=0)),
    "SVC, linear": _estimator("svm", THREE, make_pipeline(StandardScaler(), SVC(kernel="linear"))),
    "SVC, poly": _estimator("svm", THREE, make_pipeline(StandardScaler(), SVC(kernel="poly"))),
    "SVC, rbf": _estimator("svm", TEN, SVC(kernel="rbf")),
    "SVC, sigmoid": _estimator("svm", TWO, make_pipeline(StandardScaler(), SVC(kernel="sigmoid"))),
    "SVR, rbf": _estimator("svm", VALUES, SVR()),
    "LinearSVC": _estimator("svm", THREE, make_pipeline(StandardScaler(), LinearSVC(random_state=0))),
    "MLPClassifier": _estimator("mlp", TEN, MLPClassifier(**_NETWORK)),
    "MLPRegressor": _estimator("mlp", VALUES, MLPRegressor(**_NETWORK)),
    "KNeighborsClassifier": _estimator("neighbors", THREE, KNeighborsClassifier()),
    "KNeighborsRegressor": _estimator("neighbors", VALUES, KNeighborsRegressor()),
    "GaussianNB": _estimator("bayes", THREE, GaussianNB()),
    "MultinomialNB": _estimator("bayes", TEN, MultinomialNB()),
    "BernoulliNB": _estimator("bayes", TEN, BernoulliNB()),
    "StandardScaler, LogisticRegression": _estimator(
        "linear", TWO, make_pipeline(StandardScaler(), LogisticRegression())
    ),
    "StandardScaler, RandomForestClassifier": _estimator(
        "forest", THREE, make_pipeline(StandardScaler(), RandomForestClassifier(**_TREES))
    ),
    "MinMaxScaler, MLPClassifier": _estimator("mlp", THREE, make_pipeline(MinMaxScaler(), MLPClassifier(**_NETWORK))),
    "ColumnTransformer, LogisticRegression": _estimator(
        "linear", THREE, make_pipeline(_columns(), LogisticRegression())
    ),
    "XGBoost, two classes": _xgboost("boosting", TWO, objective="binary:logistic"),
    "XGBoost, ten classes": _xgboost("boosting", TEN, "ubj", objective="multi:softprob", num_class=10),
    "XGBoost, labels (multi:softmax)": _xgboost("boosting", THREE, objective="multi:softmax", num_class=3),
    "XGBoost, values": _xgboost("boosting", VALUES, "ubj", objective="reg:squarederror"),
    "XGBoost, counts": _xgboost("boosting", VALUES, objective="count:poisson"),
    "XGBoost, dart": _xgboost("boosting", TWO, objective="binary:logistic", booster="dart"),
    "XGBoost, linear": _xgboost("linear", VALUES, objective="reg:squarederror", booster="gblinear"),
    "LightGBM, two classes": _lightgbm("boosting", TWO, objective="binary"),
    "LightGBM, ten classes": _lightgbm("boosting", TEN, objective="multiclass", num_class=10),
    "LightGBM, one against all": _lightgbm("boosting", THREE, objective="multiclassova", num_class=3),
    "LightGBM, values": _lightgbm("boosting", VALUES, objective="regression"),
    "LightGBM, counts": _lightgbm("boosting", VALUES, objective="poisson"),
    "LightGBM, linear leaves": _lightgbm("boosting", VALUES, objective="regression", linear_tree=True),
    "LightGBM, forest": _lightgbm(
        "forest", TWO, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6
    ),
    "CatBoost, two classes": _catboost("boosting", TWO, "Logloss"),
    "CatBoost, ten classes": _catboost("boosting", TEN, "MultiClass"),
    "CatBoost, values": _catboost("boosting", VALUES, "RMSE"),
    "CatBoost, counts": _catboost("boosting", VALUES, "Poisson"),
    "PyTorch, layers, scores of ten classes": _torch("network", TEN, _dense(10)),
    "PyTorch, convolutions, probabilities": _torch("network", TEN, _convolutions, (1, 8, 8)),
    "PyTorch, layers, values": _torch("network", VALUES, _dense(1)),
    "PyTorch, one layer": _torch("linear", THREE, lambda nn, features: [nn.Linear(features, 3)]),
}


def classifier(kind: str, data: str) -> Family:
    """Return one of a few classifiers on `data`, which may also be `TIES`: values that lie on thresholds."""
    made: dict[str, Callable[[], Family]] = {
        "random forest": lambda: _estimator("forest", data, RandomForestClassifier(30, random_state=0)),
        "extra trees": lambda: _estimator("forest", data, ExtraTreesClassifier(30, random_state=0)),
        "gradient boosting": lambda: _estimator("boosting", data, GradientBoostingClassifier(n_estimators=10)),
        "logistic regression": lambda: _estimator("linear", data, LogisticRegression(max_iter=300)),
        "SVC": lambda: _estimator("svm", data, SVC()),
        "perceptron": lambda: _estimator("mlp", data, MLPClassifier((16,), max_iter=40, random_state=0)),
        "XGBoost": lambda: _xgboost("boosting", data, objective="multi:softprob", num_class=_class_count(data)),
        "LightGBM": lambda: _lightgbm("boosting", data, objective="multiclass", num_class=_class_count(data)),
    }
    return made[kind]()


def _class_count(data: str) -> int:
    return int(_split(data).truth.max()) + 1
