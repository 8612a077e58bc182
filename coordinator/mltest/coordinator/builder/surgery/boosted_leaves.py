"""Leaves of gradient and histogram boosting of scikit-learn, fitted anew to some rows under the loss of the model."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.additive import Additive, Loss, refitted
from mltest.coordinator.builder.surgery.ensembles import (
    is_gradient_boosting,
    is_histogram_boosting,
    refusal,
    rows_before_final,
    with_final,
)
from mltest.coordinator.builder.surgery.selection import Selection
from mltest.coordinator.builder.surgery.tree_arrays import with_leaves
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "leaf refinement"
_TAKES = "gradient and histogram boosting of scikit-learn"
_MOST_ENTRIES = 1 << 25
"""Leaves of rows that are kept at once."""


def refined_boosting(estimator: Estimator, selection: Selection, *, pull: float | None = None) -> Estimator:
    """Return a copy of `estimator` whose leaves are fitted to `selection`; its loss there never grows.

    Raises:
        ConversionError: it is no gradient boosting, or was trained with a loss that is not known here.

    """
    final = final_estimator(estimator)
    if not (is_gradient_boosting(final) or is_histogram_boosting(final)):
        raise refusal(NAME, final, _TAKES)
    loss = _loss(final)
    tree_count = final.estimators_.size if is_gradient_boosting(final) else sum(map(len, final._predictors))
    selection = selection.at_most(max(1, _MOST_ENTRIES // tree_count))
    rows = rows_before_final(estimator, selection.rows)
    sums = _exact(final, rows, loss) if is_gradient_boosting(final) else _histogram(final, rows, loss)
    target = selection.target[:, 1:] if loss is Loss.LOGISTIC else selection.target
    values = refitted(sums, target, pull=pull)
    return with_final(estimator, lambda copied: _set(copied, values))


def _loss(final: Estimator) -> Loss:
    known = {"log_loss": Loss.LOGISTIC if len(getattr(final, "classes_", ())) == 2 else Loss.SOFTMAX}
    found = (known if hasattr(final, "classes_") else {"squared_error": Loss.SQUARED}).get(final.loss)
    if found is None:
        raise ConversionError(converter=NAME, detail=f"it refines squared_error and log_loss, not {final.loss}")
    return found


def _exact(final: Estimator, rows: NDArray[np.floating], loss: Loss) -> Additive:
    """Return gradient boosting as sums; leaves are numbered as nodes."""
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    trees = list(final.estimators_.ravel())
    firsts = _firsts([tree.tree_.node_count for tree in trees])
    return Additive(
        of_rows=np.stack([first + tree.tree_.apply(rows) for first, tree in zip(firsts, trees, strict=True)], axis=1),
        values=np.concatenate([tree.tree_.value[:, 0, 0] for tree in trees]),
        columns=np.tile(np.arange(final.estimators_.shape[1]), final.estimators_.shape[0]),
        base=np.array(final._raw_predict_init(rows), dtype=np.float64).reshape(len(rows), -1),
        scale=float(final.learning_rate),
        loss=loss,
    )


def _histogram(final: Estimator, rows: NDArray[np.floating], loss: Loss) -> Additive:
    """Return histogram boosting as sums; leaves are numbered as nodes."""
    checked = final._preprocess_X(rows, reset=False)
    trees = [tree for stage in final._predictors for tree in stage]
    firsts = _firsts([len(tree.nodes) for tree in trees])
    sets, of_features = final._bin_mapper.make_known_categories_bitsets()
    ask = partial(_nodes_of, known_cat_bitsets=sets, f_idx_map=of_features, n_threads=1)
    width = len(final._predictors[0])
    return Additive(
        of_rows=np.stack([first + ask(tree, checked) for first, tree in zip(firsts, trees, strict=True)], axis=1),
        values=np.concatenate([tree.nodes["value"] for tree in trees]).astype(np.float64),
        columns=np.tile(np.arange(width), len(final._predictors)),
        base=np.tile(np.asarray(final._baseline_prediction, dtype=np.float64).reshape(1, -1), (len(rows), 1)),
        loss=loss,
    )


def _nodes_of(tree: Any, rows: NDArray[np.floating], **how: Any) -> NDArray[np.int64]:
    """Return the node (rows,) that each row ends in: what a copy answers whose leaves hold their own number."""
    nodes = tree.nodes.copy()
    nodes["value"] = np.arange(len(nodes))
    numbered = type(tree)(nodes, tree.binned_left_cat_bitsets, tree.raw_left_cat_bitsets)
    found: NDArray[np.int64] = np.asarray(numbered.predict(rows, **how)).astype(np.int64)
    return found


def _firsts(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def _set(final: Estimator, values: NDArray[np.float64]) -> None:
    first = 0
    if is_histogram_boosting(final):
        for tree in (tree for stage in final._predictors for tree in stage):
            tree.nodes = tree.nodes.copy()
            tree.nodes["value"] = values[first : first + len(tree.nodes)]
            first += len(tree.nodes)
        return
    for tree in final.estimators_.ravel():
        own = values[first : first + tree.tree_.node_count].reshape(-1, 1, 1)
        first += tree.tree_.node_count
        tree.tree_ = with_leaves(tree.tree_, tree.tree_.children_left < 0, own)
