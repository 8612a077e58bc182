"""Reads validation data, whatever its format; runs in the builder's child."""

import difflib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.ranking_data import RANKING_NAMES, Ranking, ranking_of
from mltest.coordinator.builder.tokens import read_tokens
from mltest.shared.errors import DataInvalidError

_ENDINGS = (".npz", ".npy", ".csv", ".parquet", ".txt")
_MOST_GROUPS = 50
_MOST_DIMENSIONS = 4
"""Rows, channels, height, width."""
_MISSING = "missing"
"""Group of rows that name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawData:
    """Data as it stands in the files."""

    rows: NDArray[np.floating]
    """(rows, features), float32 or float64."""
    truth: NDArray[np.generic] | None
    """(rows,) or (rows, targets), of any type; None if not given."""
    columns: tuple[str, ...] = ()
    """Names of the features; empty if they have none."""
    groups: NDArray[np.str_] | None = None
    """(rows,): the group that each row belongs to; None if none is named."""
    ranking: Ranking | None = None
    """What was clicked; None if the data do not say so."""
    row_shape: tuple[int, ...] = ()
    """Of a row in the file, where it is more than features: (height, width) or (channels, height, width)."""
    group_column: str = ""
    """Name of the column of groups where it is one of `columns`: models may know it or not."""


def read_data(names: Sequence[str], paths: Sequence[Path], target: str, group: str = "") -> RawData:
    """Read one .npz, .csv, .parquet or .txt (tokens), or one or two .npy.

    `names` are the files' own names, `paths` where they lie.

    `group` is a column of a table, an array of an .npz, or the number of a column of X: which group each row is of.

    Raises:
        DataInvalidError: what is wrong with them, and what would be right.

    """
    endings = tuple(Path(name).suffix.lower() for name in names)
    unknown = [name for name, ending in zip(names, endings, strict=True) if ending not in _ENDINGS]
    if unknown or not names:
        raise DataInvalidError(detail=f"{', '.join(unknown) or 'no file'}: data are {', '.join(_ENDINGS)} files")
    if len(names) > 1 and endings != (".npy", ".npy"):
        raise DataInvalidError(detail="give one file, or two .npy files: first X, then y")
    if endings[0] in (".csv", ".parquet"):
        return _read_table(paths[0], names[0], target, group)
    if target:
        raise DataInvalidError(detail=f"--target names a column of a .csv or .parquet, and {names[0]} has no columns")
    raw = _read_arrays(paths, names, endings[0], group)
    data = replace(_checked(raw.rows, raw.truth, names[0]), ranking=raw.ranking)
    return replace(data, groups=_array_groups(data, raw.groups, group, names[0])) if group else data


def _read_arrays(paths: Sequence[Path], names: Sequence[str], ending: str, group: str) -> RawData:
    if ending == ".txt":
        return RawData(rows=read_tokens(paths[0], names[0]), truth=None)
    return _read_npz(paths[0], names[0], group) if ending == ".npz" else _read_npy(paths, names)


def _read_npz(path: Path, name: str, group: str) -> RawData:
    if not zipfile.is_zipfile(path):
        raise DataInvalidError(detail=f"{name} is not an .npz archive, or only a part of one; save it with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys = list(arrays.keys())
            if "X" not in keys:
                raise DataInvalidError(detail=f"{name} has no array X; it has {', '.join(keys) or 'none'}")
            groups = arrays[group] if group in keys else None
            raw = RawData(rows=arrays["X"], truth=arrays["y"] if "y" in keys else None, groups=groups)
            logged = {key: arrays[key] for key in RANKING_NAMES if key in keys}
            return replace(raw, ranking=ranking_of(logged, len(raw.rows), name)) if raw.rows.ndim else raw
    except (DataInvalidError, MemoryError):
        raise
    except Exception as error:
        raise _unreadable(name, error) from error


def _read_npy(paths: Sequence[Path], names: Sequence[str]) -> RawData:
    arrays: list[Any] = []
    for path, name in zip(paths, names, strict=True):
        try:
            with path.open("rb") as stream:
                arrays.append(np.lib.format.read_array(stream, allow_pickle=False))
        except MemoryError:
            raise
        except Exception as error:
            raise _unreadable(name, error) from error
    return RawData(rows=arrays[0], truth=arrays[1] if len(arrays) > 1 else None)


def _unreadable(name: str, error: Exception) -> DataInvalidError:
    if "allow_pickle" in str(error) or "Object arrays" in str(error):
        detail = f"{name} holds Python objects, which are not opened; save plain numbers (y may be text)"
    else:
        detail = f"{name} cannot be read ({type(error).__name__}: {error})"
    return DataInvalidError(detail=detail)


def _checked(rows: NDArray[Any], truth: NDArray[Any] | None, name: str) -> RawData:
    if not 2 <= rows.ndim <= _MOST_DIMENSIONS:
        wanted = "(rows, features), or images (rows, height, width) or (rows, channels, height, width)"
        raise DataInvalidError(detail=f"X in {name} has shape {rows.shape}; it has to be {wanted}")
    if rows.dtype.kind not in "fiub":
        raise DataInvalidError(detail=f"X in {name} is of type {rows.dtype}; it has to be numbers")
    if rows.size == 0:
        raise DataInvalidError(detail=f"{name} is empty: X has shape {rows.shape}")
    if truth is not None and truth.shape[:1] != rows.shape[:1]:
        raise DataInvalidError(detail=f"X has {len(rows)} rows, but y has shape {truth.shape}")
    if truth is not None and truth.ndim == 2 and truth.shape[1] == 1:
        truth = truth.ravel()
    row_shape = rows.shape[1:] if rows.ndim > 2 else ()
    return RawData(rows=_floating(rows.reshape(len(rows), -1)), truth=truth, row_shape=row_shape)


def _floating(rows: NDArray[Any]) -> NDArray[np.floating]:
    return np.ascontiguousarray(rows, dtype=np.float32 if rows.dtype == np.float32 else np.float64)


def _array_groups(data: RawData, given: NDArray[Any] | None, group: str, name: str) -> NDArray[np.str_]:
    if given is None and group.isdecimal() and int(group) < data.rows.shape[1]:
        given = data.rows[:, int(group)]
    if given is None:
        detail = f"{name} has no array {group!r}, and that is no number of a column of X either"
        raise DataInvalidError(detail=detail, next_step="name the groups with --group")
    if given.shape != data.rows.shape[:1]:
        raise DataInvalidError(detail=f"X has {len(data.rows)} rows, but {group} has shape {given.shape}")
    return _group_names(given, group)


def _group_names(values: NDArray[Any], group: str) -> NDArray[np.str_]:
    """Return the name of each row's group: 1.0 is called 1, and what is missing is a group as well."""
    if values.dtype.kind == "f":
        names = np.array([f"{value:g}" for value in values.tolist()], dtype=np.str_)
    else:
        texts = ("" if value is None else str(value) for value in values.tolist())
        names = np.array([text or _MISSING for text in texts], dtype=np.str_)
    count = len(np.unique(names))
    if count > _MOST_GROUPS:
        detail = f"{group} has {count} different values; a column of groups has at most {_MOST_GROUPS}"
        raise DataInvalidError(detail=detail, next_step="name a column of few groups with --group")
    return names


def _read_table(path: Path, name: str, target: str, group: str) -> RawData:
    table = _table(path, name)
    groups = _table_groups(table, name, target, group) if group else None
    if group and not _is_numeric(table.schema.field(group).type):
        table = table.drop_columns([group])
    if table.num_rows == 0:
        raise DataInvalidError(detail=f"{name} is empty: it has no rows")
    if target and target not in table.column_names:
        raise DataInvalidError(detail=f"{name} has no column {target!r}; {_listed(target, table.column_names)}")
    logged: dict[str, NDArray[Any]] = {}
    if set(RANKING_NAMES) <= set(table.column_names):
        logged = {key: np.asarray(table.column(key).to_pylist()) for key in RANKING_NAMES}
        table = table.drop_columns(list(RANKING_NAMES))
    features = [column for column in table.column_names if column != target]
    if not features:
        raise DataInvalidError(detail=f"{name} has no column beside the target {target!r}")
    rows = np.column_stack(_numeric(table, features, name))
    return RawData(
        rows=_floating(rows),
        truth=_truth(table, target, name),
        columns=tuple(features),
        groups=groups,
        ranking=ranking_of(logged, table.num_rows, name),
        group_column=group if group in features else "",
    )


def _table_groups(table: Any, name: str, target: str, group: str) -> NDArray[np.str_]:
    if group not in table.column_names or group == target:
        detail = f"{name} has no column {group!r} beside the target; {_listed(group, table.column_names)}"
        raise DataInvalidError(detail=detail, next_step="name a column of groups with --group")
    return _group_names(np.asarray(table.column(group).to_pylist()), group)


def _table(path: Path, name: str) -> Any:
    import pyarrow
    from pyarrow import csv, parquet

    try:
        if name.lower().endswith(".csv"):
            return csv.read_csv(path)
        table = parquet.read_table(path)
    except MemoryError:
        raise
    except (pyarrow.ArrowException, OSError) as error:
        line = (str(error).strip().splitlines() or [""])[0]
        raise DataInvalidError(detail=f"{name} cannot be read ({line})") from error
    # pandas keeps its row numbers in such a column.
    return table.drop_columns([column for column in table.column_names if column.startswith("__index_level_")])


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    return any(check(kind) for check in checks)


def _numeric(table: Any, columns: Sequence[str], name: str) -> list[NDArray[Any]]:
    others = [column for column in columns if not _is_numeric(table.schema.field(column).type)]
    if others:
        raise DataInvalidError(
            detail=f"{name} has columns that are not numbers: {', '.join(others[:10])}"
            f"{' ...' if len(others) > 10 else ''}; encode or drop them, or name the true values with --target"
        )
    arrays = [table.column(column).to_numpy() for column in columns]
    is_single = all(array.dtype == np.float32 for array in arrays)
    return [array.astype(np.float32 if is_single else np.float64) for array in arrays]


def _truth(table: Any, target: str, name: str) -> NDArray[Any] | None:
    if not target:
        return None
    column = table.column(target)
    if column.null_count:
        raise DataInvalidError(detail=f"{name} has {column.null_count} rows without a value in {target!r}")
    values: NDArray[Any] = np.asarray(column.to_pylist())
    return values


def _listed(wanted: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(wanted, columns, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}its columns are {', '.join(columns[:30])}{' ...' if len(columns) > 30 else ''}"
