from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mltest.coordinator.builder.dataset import RawData, read_data
from mltest.shared.errors import DataInvalidError

ROWS = np.arange(12, dtype=np.float64).reshape(4, 3)
CSV = "width,height,kind\n1,2.5,cat\n3,,dog\n"


def read(path: Path, target: str = "") -> RawData:
    return read_data([path.name], [path], target)


def test_an_npz_holds_rows_and_true_values(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=ROWS.astype(np.float32), y=np.array(["a", "b", "a", "b"]))
    data = read(tmp_path / "d.npz")
    assert data.rows.dtype == np.float32
    assert data.truth is not None
    assert data.truth.tolist() == ["a", "b", "a", "b"]


def test_integers_become_float64(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=np.asfortranarray(ROWS.astype(np.int32)))
    data = read(tmp_path / "d.npz")
    assert data.rows.dtype == np.float64
    assert data.rows.flags.c_contiguous
    assert data.truth is None


def test_npy_files_come_alone_or_as_a_pair(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", ROWS)
    np.save(tmp_path / "y.npy", np.arange(4).reshape(4, 1))
    assert read(tmp_path / "X.npy").truth is None
    pair = read_data(["X.npy", "y.npy"], [tmp_path / "X.npy", tmp_path / "y.npy"], "")
    assert pair.truth is not None
    assert pair.truth.shape == (4,)


def test_a_csv_has_a_target_column_and_gaps(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(CSV)
    data = read(tmp_path / "d.csv", "kind")
    assert data.columns == ("width", "height")
    np.testing.assert_array_equal(data.rows, [[1, 2.5], [3, np.nan]])
    assert data.truth is not None
    assert data.truth.tolist() == ["cat", "dog"]


def test_a_parquet_file_keeps_float32(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([1, 2], pa.float32()), "y": [True, False], "__index_level_0__": [5, 6]})
    parquet.write_table(table, tmp_path / "d.parquet")
    data = read(tmp_path / "d.parquet", "y")
    assert data.columns == ("a",)
    assert data.rows.dtype == np.float32


def test_every_fault_of_a_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text(CSV)
    with pytest.raises(DataInvalidError, match=r"did you mean 'kind'\? its columns are width, height, kind"):
        read(path, "kinds")
    with pytest.raises(DataInvalidError, match="columns that are not numbers: kind"):
        read(path)
    path.write_text("a,b\n")
    with pytest.raises(DataInvalidError, match="is empty"):
        read(path)
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataInvalidError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"data": ROWS, "target": ROWS}, "no array X; it has data, target"),
        ({"X": ROWS[:0]}, "is empty"),
        ({"X": ROWS[0]}, r"has shape \(3,\)"),
        ({"X": ROWS.astype(str)}, "it has to be numbers"),
        ({"X": ROWS, "y": np.zeros(3)}, r"X has 4 rows, but y has shape \(3,\)"),
        ({"X": ROWS, "y": np.array([1, "a", None, 2], dtype=object)}, "holds Python objects"),
    ],
)
def test_every_fault_of_an_npz_is_named(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]  # arrays by name
    with pytest.raises(DataInvalidError, match=words):
        read(tmp_path / "d.npz")


def test_half_a_file_is_not_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=ROWS)
    content = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataInvalidError, match=r"not an .npz archive"):
        read(tmp_path / "d.npz")


def test_other_files_are_refused_with_those_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(DataInvalidError, match=r"d.xlsx: data are .npz, .npy, .csv, .parquet, .txt files"):
        read(tmp_path / "d.xlsx")
    with pytest.raises(DataInvalidError, match="give one file, or two"):
        read_data(["a.npz", "b.npz"], [tmp_path, tmp_path], "")


def test_a_target_needs_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=ROWS)
    with pytest.raises(DataInvalidError, match="--target names a column"):
        read(tmp_path / "d.npz", "y")
