"""What predictions and models are judged by: the dataset, the native model's own predictions, names and groups.

The file with the reference predictions holds as well what only judges need, so that agents never get it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.ranking_data import RANKING_NAMES, Ranking, ranking_of
from mltest.shared.domain import ModelInfo
from mltest.shared.native.predictions import Predictions, load_predictions, save_predictions

_COLUMNS, _GROUPS, _ROW_SHAPE = "columns", "groups", "row_shape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What every set of predictions is held against."""

    model: ModelInfo
    rows: NDArray[np.floating]
    truth: NDArray[np.generic] | None
    reference: Predictions
    columns: tuple[str, ...] = ()
    """Names of the features; empty if they have none."""
    groups: NDArray[np.str_] | None = None
    """(rows,): the group that each row belongs to; None if none is named."""
    ranking: Ranking | None = None
    """What was clicked; None if the data do not say so."""
    row_shape: tuple[int, ...] = ()
    """Of a row in the file, where it is more than features."""


def write_reference(
    path: Path,
    reference: Predictions,
    *,
    columns: Sequence[str],
    groups: NDArray[np.str_] | None,
    ranking: Ranking | None = None,
    row_shape: tuple[int, ...] = (),
) -> None:
    """Write the native model's predictions and what else only judges need; the same content gives the same bytes."""
    besides: dict[str, NDArray[np.generic]] = {_COLUMNS: np.array(columns, dtype=np.str_)} if columns else {}
    if groups is not None:
        besides[_GROUPS] = groups
    if ranking is not None:
        besides |= ranking.arrays()
    if row_shape:
        besides[_ROW_SHAPE] = np.array(row_shape, dtype=np.int64)
    save_predictions(path, reference, besides)


def read_yardstick(model: ModelInfo, *, dataset: Path, reference: Path) -> Yardstick:
    """Read what inspection wrote."""
    with np.load(reference, allow_pickle=False) as arrays:
        columns, groups, row_shape = arrays.get(_COLUMNS), arrays.get(_GROUPS), arrays.get(_ROW_SHAPE)
        logged = {name: arrays[name] for name in RANKING_NAMES if name in arrays}
    with np.load(dataset, allow_pickle=False) as arrays:
        return Yardstick(
            model=model,
            rows=arrays["X"],
            truth=arrays.get("y"),
            reference=load_predictions(reference),
            columns=() if columns is None else tuple(columns.tolist()),
            groups=groups,
            row_shape=() if row_shape is None else tuple(row_shape.tolist()),
            ranking=ranking_of(logged, len(arrays["X"]), dataset.name),
        )
