import functools
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.model_format import format_of
from mltest.shared.native.estimators import open_estimator
from mltest.shared.native.outputs import describe_estimator

ROWS = np.random.default_rng(0).normal(size=(60, 4))
TRUTH = (ROWS[:, 0] > 0).astype(int)


def saved(estimator: object, folder: Path) -> Path:
    path = folder / "model.skops"
    skops.io.dump(estimator, path)
    return path


def opened(path: Path, file_format: str = "skops") -> Any:
    return open_estimator(path, file_format, allows_pickle=False).estimator


def test_a_skops_file_gives_the_estimator_that_was_saved(tmp_path: Path) -> None:
    forest = RandomForestClassifier(3, random_state=0).fit(ROWS, TRUTH)
    np.testing.assert_array_equal(opened(saved(forest, tmp_path)).predict_proba(ROWS), forest.predict_proba(ROWS))


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring="accuracy"),
    ],
    ids=["categories", "calibrated", "search", "search by a score"],
)
def test_a_wrapper_of_scikit_learn_is_opened_without_a_pickle(estimator: Any, tmp_path: Path) -> None:
    rows = np.column_stack([np.arange(60) % 5, ROWS])
    fitted = estimator.fit(rows, TRUTH)
    np.testing.assert_array_equal(opened(saved(fitted, tmp_path)).predict_proba(rows), fitted.predict_proba(rows))


def test_a_partial_call_of_what_is_not_trusted_is_refused(tmp_path: Path) -> None:
    harmful = FunctionTransformer(functools.partial(os.system, "false")).fit(ROWS)
    with pytest.raises(ModelRefusedError, match="system"):
        opened(saved(harmful, tmp_path))


def test_types_that_are_not_trusted_are_named(tmp_path: Path) -> None:
    class Own(LogisticRegression):  # type: ignore[misc]  # scikit-learn publishes no types
        pass

    Own.__module__, Own.__qualname__ = "somebody.elses", "Own"
    path = saved(LogisticRegression().fit(ROWS, TRUTH), tmp_path)
    rewritten = tmp_path / "foreign.skops"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(rewritten, "w") as target:
        for item in source.namelist():
            content = source.read(item)
            target.writestr(item, content.replace(b'"LogisticRegression"', b'"OwnRegression"'))
    with pytest.raises(ModelRefusedError, match="OwnRegression"):
        opened(rewritten)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_not_a_usable_model(share: float, tmp_path: Path) -> None:
    path = saved(LogisticRegression().fit(ROWS, TRUTH), tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelInvalidError, match="not a skops file, or only a part of one"):
        opened(path)


def test_an_altered_file_is_noticed(tmp_path: Path) -> None:
    path = saved(RandomForestClassifier(2, random_state=0).fit(ROWS, TRUTH), tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelInvalidError):
        opened(path)


def test_a_pickle_named_skops_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(LogisticRegression()))
    with pytest.raises(ModelInvalidError, match="looks like a pickle"):
        opened(path)


def test_a_pickle_is_refused_without_permission_and_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "sprung"),))

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelRefusedError):
        opened(path, "pickle")
    assert not (tmp_path / "sprung").exists()


def test_joblib_and_pickle_are_opened_with_permission(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(ROWS, TRUTH)
    joblib.dump(estimator, tmp_path / "a.joblib", compress=3)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(estimator))
    for name in ("a.joblib", "a.pkl"):
        found = open_estimator(tmp_path / name, format_of(tmp_path / name), allows_pickle=True).estimator
        assert isinstance(found, LogisticRegression)


def test_what_is_not_an_estimator_or_not_fitted_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError, match="holds a dict"):
        opened(saved({"a": 1}, tmp_path))
    with pytest.raises(ModelInvalidError, match="is not fitted"):
        opened(saved(LogisticRegression(), tmp_path))


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10**9), ("left_child", 0), ("right_child", -7), ("feature", 2**40)]
)
@pytest.mark.promise(13)
def test_a_crafted_tree_is_refused_before_it_can_crash(field: str, value: int, tmp_path: Path) -> None:
    forest = RandomForestClassifier(2, random_state=0).fit(ROWS, TRUTH)
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    with pytest.raises(ModelInvalidError, match="out of range"):
        opened(saved(forest, tmp_path))


@pytest.mark.parametrize(("field", "value"), [("left", 2**31), ("feature_idx", 2**40), ("right", 0)])
@pytest.mark.promise(13)
def test_a_crafted_histogram_tree_is_refused(field: str, value: int, tmp_path: Path) -> None:
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(ROWS, TRUTH)
    boosted._predictors[0][0].nodes[field][0] = value
    with pytest.raises(ModelInvalidError, match="out of range"):
        opened(saved(boosted, tmp_path))


def test_support_vectors_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    machine = SVC().fit(ROWS, TRUTH)
    machine._n_support = machine._n_support * 1000
    with pytest.raises(ModelInvalidError, match="support vectors"):
        opened(saved(machine, tmp_path))


def test_the_output_is_what_a_user_would_ask_for() -> None:
    assert describe_estimator(LogisticRegression().fit(ROWS, TRUTH)).output is Output.PROBABILITIES
    assert describe_estimator(SVC().fit(ROWS, TRUTH)).output is Output.LABELS
    regressor = describe_estimator(GaussianProcessRegressor().fit(ROWS, ROWS[:, 0]))
    assert (regressor.task, regressor.output, regressor.family) == (Task.REGRESSION, Output.VALUES, "other")


def test_several_labels_for_each_row_are_not_supported() -> None:
    both = np.column_stack([TRUTH, 1 - TRUTH])
    with pytest.raises(ModelUnsupportedError, match="several labels"):
        describe_estimator(RandomForestClassifier(2).fit(ROWS, both))


def test_a_transformer_is_not_supported() -> None:
    with pytest.raises(ModelUnsupportedError, match="neither a classifier nor a regressor"):
        describe_estimator(StandardScaler().fit(ROWS))


def test_a_pipeline_that_begins_with_passthrough_says_what_the_next_step_takes() -> None:
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline

    from mltest.shared.native.outputs import describe_estimator

    steps = [
        ("nothing", "passthrough"),
        ("inner", Pipeline([("none", None), ("final", GaussianNB())])),
    ]
    native = describe_estimator(Pipeline(steps).fit(*load_iris(return_X_y=True)))
    assert native.feature_count == 4
