"""Archives that are small until they are opened, and trees that lead nowhere."""

import zipfile
from pathlib import Path

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

_ROWS = np.random.default_rng(0).normal(size=(60, 3))
_TRUTH = (_ROWS[:, 0] > 0).astype(int)
_BLOCK = bytes(1 << 20)


def skops_bomb(path: Path, size_bytes: int) -> Path:
    """Write a skops file whose coefficients are `size_bytes` of zeros, packed into a thousandth of that."""
    model = LogisticRegression().fit(_ROWS, _TRUTH)
    model.coef_ = np.zeros((1, size_bytes // 8))
    skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    return path


def npz_bomb(path: Path, size_bytes: int) -> Path:
    """Write an npz whose X is `size_bytes` of zeros."""
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 3)))
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("X.npy", "w", force_zip64=True) as out,
    ):
        np.lib.format.write_array_header_1_0(out, {**header, "shape": (size_bytes // 24, 3)})
        for _ in range(size_bytes // 24 * 24 // len(_BLOCK)):
            out.write(_BLOCK)
        out.write(bytes(size_bytes // 24 * 24 % len(_BLOCK)))
    return path


def crafted_tree(path: Path, field: str, value: int) -> Path:
    """Write a skops file of a forest in which the first node of a tree has `value` as its `field`."""
    forest = RandomForestClassifier(2, random_state=0).fit(_ROWS, _TRUTH)
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    skops.io.dump(forest, path)
    return path


def honest_model(path: Path) -> Path:
    """Write a small forest."""
    skops.io.dump(RandomForestClassifier(3, random_state=0).fit(_ROWS, _TRUTH), path)
    return path


def honest_data(path: Path) -> Path:
    """Write the data that belong to the models here."""
    np.savez(path, X=_ROWS, y=_TRUTH)
    return path
