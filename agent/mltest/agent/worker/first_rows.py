"""The first rows of a dataset, without the memory that the others would take; imported in workers only."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.agent.worker.rows import load_rows

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def first_rows(path: Path, feature_count: int, count: int) -> NDArray[np.floating]:
    """Return the first `count` rows (rows, features) of X of the npz at `path`, or all of fewer.

    Raises:
        DataInvalidError, DataMismatchError: as of `load_rows`.

    """
    found = _read(path, feature_count, count)
    return load_rows(path, feature_count)[:count].copy() if found is None else found


def _read(path: Path, feature_count: int, count: int) -> NDArray[np.floating] | None:
    """Return the rows; None where X does not lie row by row, or is no such table."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("X.npy") as stream:
            shape, is_by_columns, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
            if is_by_columns or dtype.kind != "f" or len(shape) != 2 or shape[1] != feature_count or not shape[0]:
                return None
            row_count = min(count, shape[0])
            data = stream.read(row_count * feature_count * dtype.itemsize)
        rows: NDArray[np.floating] = np.frombuffer(data, dtype=dtype).reshape(row_count, feature_count).copy()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return rows
