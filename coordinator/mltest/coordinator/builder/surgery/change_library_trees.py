"""What transforms do to files of XGBoost and LightGBM: fewer trees of a forest, shallower ones, leaves fitted anew."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.additive import Additive, Loss, refitted
from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.coordinator.builder.surgery.library_trees import LibraryTrees, open_trees
from mltest.coordinator.builder.surgery.prune_members import METHODS
from mltest.coordinator.builder.surgery.selection import Selection
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError

_MOST_ENTRIES = 1 << 25
"""Leaves of rows, or answers of members, that are kept at once."""


def change_file(
    path: Path, file_format: str, target: Path, transform: str, change: Callable[[LibraryTrees], None]
) -> None:
    """Write the model in `path` to `target`, in the same format, behind `change`.

    Raises:
        ConversionError: its trees are not of a kind that can be changed, or its library is not installed here.

    """
    trees = open_trees(path, file_format, transform)
    change(trees)
    target.write_bytes(trees.write())


def cap_trees(trees: LibraryTrees, depth: str, transform: str) -> None:
    """Cut every tree to `depth` ("4", or "1/2" of the deepest one)."""
    deepest = trees.deepest()
    limit = amount_of(depth, deepest)
    if limit >= deepest:
        detail = f"the deepest tree has a depth of {deepest}, and {limit} is allowed"
        raise ConversionError(converter=transform, detail=detail)
    trees.cap(limit)


def refine_trees(trees: LibraryTrees, selection: Selection, transform: str, *, pull: float | None = None) -> None:
    """Fit all leaves anew to `selection`, under the loss of the model, which never grows there."""
    loss = _known_loss(trees, transform)
    selection = selection.at_most(max(1, _MOST_ENTRIES // len(trees.columns)))
    sums = _sums(trees, selection.rows, loss)
    target = selection.target[:, 1:] if loss is Loss.LOGISTIC else selection.target
    trees.set_values(refitted(sums, target, pull=pull))


def prune_trees(trees: LibraryTrees, selection: Selection, *, method: str, keep: str, transform: str) -> None:
    """Keep those trees of a forest that `method` chooses by `selection`; a member has a tree for each column."""
    loss = _known_loss(trees, transform)
    columns = trees.columns
    members = np.stack([np.flatnonzero(columns == column) for column in range(int(columns.max()) + 1)], axis=1)
    count = amount_of(keep, len(members))
    if count >= len(members):
        detail = f"the model has {len(members)} trees, and {count} are to be kept"
        raise ConversionError(converter=transform, detail=detail)
    selection = selection.at_most(max(1, _MOST_ENTRIES // (len(members) * max(2, selection.target.shape[1]))))
    outputs = _member_outputs(_sums(trees, selection.rows, loss), members)
    task = Task.REGRESSION if loss is Loss.SQUARED else Task.CLASSIFICATION
    kept = sorted(METHODS[method](outputs, selection.target, count, task))
    trees.keep(sorted(members[kept].ravel().tolist()), len(members))


def _known_loss(trees: LibraryTrees, transform: str) -> Loss:
    if trees.loss is None:
        detail = f"it knows squared error and the losses of two and more classes, not {trees.objective}"
        raise ConversionError(converter=transform, detail=detail)
    return trees.loss


def _sums(trees: LibraryTrees, rows: NDArray[np.floating], loss: Loss) -> Additive:
    """Return the model as sums on `rows`; what the library adds to them is what the leaves do not explain."""
    of_rows, values, margins = trees.leaves_of(rows), trees.values(), trees.margins(rows)
    base = margins.copy()
    for tree, column in enumerate(trees.columns):
        base[:, column] -= trees.scale * values[of_rows[:, tree]]
    return Additive(of_rows=of_rows, values=values, columns=trees.columns, base=base, scale=trees.scale, loss=loss)


def _member_outputs(sums: Additive, members: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what each member alone would answer: (members, rows, outputs), of which the mean is what all answer.

    Shares of classes are the first-order ones, 1/K + (margin - mean margin)/K: linear, so that the mean over members is
    that of the forest, and in the order of the margins, so that the label is the forest's too.
    """
    leaves = sums.scale * len(members) * sums.values[sums.of_rows[:, members]]
    margins = sums.base[None] + np.moveaxis(leaves, 1, 0)
    if sums.loss is Loss.SQUARED:
        return margins.astype(np.float32)
    if sums.loss is Loss.LOGISTIC:
        margins = np.concatenate([-margins / 2, margins / 2], axis=2)
    shares: NDArray[np.float32] = (1 + margins - margins.mean(axis=2, keepdims=True)).astype(np.float32)
    return shares / np.float32(margins.shape[2])
