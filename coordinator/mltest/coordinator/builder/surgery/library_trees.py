"""The trees of a file of XGBoost or LightGBM, as changes of them need to know them; the library writes them again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.additive import Loss
from mltest.shared.errors import ConversionError

Numbers = NDArray[np.float64]


class LibraryTrees(Protocol):
    """A model that adds the leaves of its trees up, or averages them; changed in place."""

    loss: Loss | None
    """What it was trained by, as far as that is known here."""
    objective: str

    @property
    def columns(self) -> NDArray[np.int64]:
        """To which column of the margins each tree adds (trees,)."""
        ...

    @property
    def scale(self) -> float:
        """What each leaf is multiplied by."""
        ...

    def leaves_of(self, rows: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the leaf (rows, trees) of each row, numbered through all trees."""
        ...

    def margins(self, rows: NDArray[np.floating]) -> Numbers:
        """Return (rows, columns) before any link."""
        ...

    def values(self) -> Numbers:
        """Return the value (leaves,) of each leaf."""
        ...

    def deepest(self) -> int:
        """Return the depth of the deepest tree."""
        ...

    def set_values(self, values: Numbers) -> None:
        """Replace the values (leaves,)."""
        ...

    def cap(self, limit: int) -> None:
        """Make each node in depth `limit` a leaf, which answers what rows below it had on average."""
        ...

    def keep(self, trees: Sequence[int], member_count: int) -> None:
        """Keep only these trees of an averaging ensemble of `member_count` trees for each column."""
        ...

    def write(self) -> bytes:
        """Return the file, in the format that it had."""
        ...


def open_trees(path: Path, file_format: str, transform: str) -> LibraryTrees:
    """Open the file `path` for `transform`.

    Raises:
        ConversionError: its trees are not of a kind that can be changed, or its library is not installed here.

    """
    from mltest.coordinator.builder.surgery.lightgbm_trees import LightGbmTrees
    from mltest.coordinator.builder.surgery.xgboost_trees import XgboostTrees

    try:
        if file_format == "lightgbm":
            return LightGbmTrees(path, transform)
        return XgboostTrees(path, file_format, transform)
    except ImportError as error:
        raise ConversionError(converter=transform, detail=f"its library is not installed here ({error})") from error
