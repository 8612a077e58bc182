"""The column of groups: read, named, and kept away from models that have no place for it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from sklearn.linear_model import LogisticRegression

from mltest.coordinator.builder.dataset import RawData, read_data
from mltest.coordinator.builder.inspection import in_model_order, inspection_of
from mltest.coordinator.builder.opened_model import OpenedModel, opened_estimator
from mltest.coordinator.builder.yardstick import read_yardstick
from mltest.shared.errors import DataInvalidError
from mltest.shared.native.outputs import describe_estimator

ROWS = np.arange(12.0).reshape(6, 2)
TRUTH = [0, 1, 0, 1, 0, 1]


def model(feature_count: int = 2) -> OpenedModel:
    rows = np.arange(6.0 * feature_count).reshape(6, feature_count)
    native = describe_estimator(LogisticRegression().fit(rows, TRUTH))
    return opened_estimator(native, (), file_format="skops", size_bytes=1)


def table(folder: Path, **columns: object) -> Path:
    path = folder / "data.csv"
    csv.write_csv(pa.table({"a": ROWS[:, 0], "b": ROWS[:, 1], "y": TRUTH, **columns}), path)
    return path


def read(path: Path, group: str) -> RawData:
    return read_data([path.name], [path], "y" if path.suffix == ".csv" else "", group)


def names(data: RawData) -> list[str]:
    assert data.groups is not None
    return list(data.groups.tolist())


def test_a_column_of_words_is_no_feature(tmp_path: Path) -> None:
    data = read(table(tmp_path, sex=["f", "m"] * 3), "sex")
    assert data.columns == ("a", "b")
    assert names(data) == ["f", "m"] * 3


def test_a_column_of_numbers_is_a_feature_of_models_that_have_a_place_for_it(tmp_path: Path) -> None:
    data = read(table(tmp_path, sex=[0.0, 1.0] * 3), "sex")
    assert names(data) == ["0", "1"] * 3
    assert in_model_order(data, model(3))[0].columns == ("a", "b", "sex")
    left, _ = in_model_order(data, model(2))
    assert left.columns == ("a", "b")
    np.testing.assert_array_equal(left.rows, ROWS)


def test_a_missing_group_is_a_group(tmp_path: Path) -> None:
    assert names(read(table(tmp_path, sex=["f", None] * 3), "sex")) == ["f", "missing"] * 3


def test_an_array_or_a_column_of_x_gives_the_groups(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=ROWS, y=TRUTH, site=np.array(["n", "s"] * 3))
    assert names(read(path, "site")) == ["n", "s"] * 3
    assert names(read(path, "1")) == ["1", "3", "5", "7", "9", "11"]


@pytest.mark.parametrize(("group", "words"), [("sexe", "did you mean 'sex'"), ("y", "beside the target")])
def test_a_column_that_there_is_not_is_refused(tmp_path: Path, group: str, words: str) -> None:
    with pytest.raises(DataInvalidError, match=words):
        read(table(tmp_path, sex=["f", "m"] * 3), group)


def test_a_column_of_too_many_values_is_no_column_of_groups(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=np.arange(102.0).reshape(51, 2))
    with pytest.raises(DataInvalidError, match="51 different values"):
        read(path, "0")
    with pytest.raises(DataInvalidError, match="no array 'site'"):
        read(path, "site")


def test_groups_of_another_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=ROWS, site=np.array(["n", "s"]))
    with pytest.raises(DataInvalidError, match="6 rows"):
        read(path, "site")


def test_judges_get_groups_and_names_and_agents_do_not(tmp_path: Path) -> None:
    data = read(table(tmp_path, sex=["f", "m", "m"] * 2), "sex")
    inspection = inspection_of(model(), data, row_cap=4, seed=0, folder=tmp_path)
    assert sum(inspection.dataset.group_counts.values()) == 4
    with np.load(inspection.dataset_path) as arrays:
        assert set(arrays) == {"X", "y"}
        kept = [ROWS.tolist().index(row) for row in arrays["X"].tolist()]
    yardstick = read_yardstick(inspection.model, dataset=inspection.dataset_path, reference=inspection.reference_path)
    assert yardstick.columns == ("a", "b")
    assert yardstick.groups is not None
    assert yardstick.groups.tolist() == [["f", "m", "m"][row % 3] for row in kept]
