"""The trees of a file of XGBoost, changed in its JSON form, which says everything that the file does.

Source: doc/model.schema and src/tree/tree_model.cc of XGBoost 3.2.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.additive import Loss
from mltest.coordinator.builder.surgery.linked_tree import averaged, depths, reachable
from mltest.shared.errors import ConversionError

_KINDS = {"xgboost-json": "json", "xgboost-ubj": "ubj"}
_LOSSES = {
    "binary:logistic": Loss.LOGISTIC,
    "binary:logitraw": Loss.LOGISTIC,
    "multi:softprob": Loss.SOFTMAX,
    "multi:softmax": Loss.SOFTMAX,
    "reg:squarederror": Loss.SQUARED,
}
_LEAF = -1
_OF_NODES = (
    *("left_children", "right_children", "parents", "split_indices", "split_conditions", "split_type"),
    *("default_left", "base_weights", "loss_changes", "sum_hessian"),
)
_ROOT_PARENT = 2147483647


class XgboostTrees:
    """See `library_trees.LibraryTrees`; leaves are numbered as nodes."""

    def __init__(self, path: Path, file_format: str, transform: str) -> None:
        """Open a checked file.

        Raises:
            ConversionError: it drops trees (dart), or its leaves hold several values.

        """
        import xgboost

        self._kind = _KINDS[file_format]
        self._booster = xgboost.Booster({"nthread": 1})
        self._booster.load_model(bytearray(path.read_bytes()))
        self._document = json.loads(self._booster.save_raw("json"))
        learner = self._document["learner"]
        if learner["gradient_booster"]["name"] != "gbtree":
            raise ConversionError(converter=transform, detail="it takes gbtree, this is an XGBoost dart model")
        self._model = learner["gradient_booster"]["model"]
        if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in self._trees):
            raise ConversionError(converter=transform, detail="the leaves of its trees hold a value for each output")
        self.objective = str(learner["objective"]["name"])
        self.loss = _LOSSES.get(self.objective)

    @property
    def columns(self) -> NDArray[np.int64]:
        """To which column of the margins each tree adds (trees,)."""
        return np.asarray(self._model["tree_info"], dtype=np.int64)

    @property
    def scale(self) -> float:
        """Leaves are added as they are."""
        return 1.0

    def leaves_of(self, rows: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the leaf (rows, trees) of each row."""
        found = np.asarray(self._booster.predict(self._matrix(rows), pred_leaf=True)).reshape(len(rows), -1)
        leaves: NDArray[np.int64] = found.astype(np.int64) + self._firsts()[None, :]
        return leaves

    def margins(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (rows, columns) before any link."""
        found = np.asarray(self._booster.predict(self._matrix(rows), output_margin=True), dtype=np.float64)
        return found.reshape(len(rows), -1)

    def values(self) -> NDArray[np.float64]:
        """Return the value of each node: of a leaf what it adds."""
        return np.concatenate([tree["split_conditions"] for tree in self._trees]).astype(np.float64)

    def deepest(self) -> int:
        """Return the depth of the deepest tree."""
        return max(int(depths(*_children(tree)).max()) for tree in self._trees)

    def set_values(self, values: NDArray[np.float64]) -> None:
        """Replace what leaves add; (nodes,)."""
        for first, tree in zip(self._firsts(), self._trees, strict=True):
            left, _ = _children(tree)
            for node in np.flatnonzero(left == _LEAF):
                tree["split_conditions"][node] = tree["base_weights"][node] = float(np.float32(values[first + node]))
        self._reload()

    def cap(self, limit: int) -> None:
        """Make each node in depth `limit` a leaf with the mean of those below it, by the sum of second derivatives."""
        for index, tree in enumerate(self._trees):
            self._trees[index] = _capped(tree, limit)
        self._reload()

    def keep(self, trees: Sequence[int], member_count: int) -> None:
        """Keep these trees; the others' share is theirs now: leaves hold what they add to the mean."""
        kept = [self._trees[index] for index in trees]
        columns = self.columns[list(trees)]
        per_column = len(trees) // (int(columns.max()) + 1)
        self._model["trees"] = [tree | {"id": index} for index, tree in enumerate(kept)]
        self._model["tree_info"] = columns.tolist()
        self._model["iteration_indptr"] = [0, len(kept)]
        self._model["gbtree_model_param"] |= {"num_trees": str(len(kept)), "num_parallel_tree": str(per_column)}
        self.set_values(self.values() * (member_count / per_column))

    def write(self) -> bytes:
        """Return the file."""
        return bytes(self._booster.save_raw(self._kind))

    @property
    def _trees(self) -> list[dict[str, Any]]:
        trees: list[dict[str, Any]] = self._model["trees"]
        return trees

    def _firsts(self) -> NDArray[np.int64]:
        counts = [len(tree["left_children"]) for tree in self._trees]
        return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)

    def _matrix(self, rows: NDArray[np.floating]) -> Any:
        import xgboost

        names, types = self._booster.feature_names, self._booster.feature_types
        return xgboost.DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True)

    def _reload(self) -> None:
        self._booster.load_model(bytearray(json.dumps(self._document).encode()))


def _children(tree: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    left, right = (np.asarray(tree[name], dtype=np.int64) for name in ("left_children", "right_children"))
    return left, right


def _capped(tree: dict[str, Any], limit: int) -> dict[str, Any]:
    left, right = _children(tree)
    conditions = np.asarray(tree["split_conditions"], dtype=np.float64)
    values = averaged(left, right, conditions, np.asarray(tree["sum_hessian"], dtype=np.float64))
    is_cut = (depths(left, right) == limit) & (left != _LEAF)
    kept = np.flatnonzero(reachable(left, right, is_cut))
    position = np.full(len(left), _LEAF)
    position[kept] = np.arange(len(kept))
    made = tree | {name: [tree[name][node] for node in kept] for name in _OF_NODES if len(tree.get(name, ()))}
    for name in ("left_children", "right_children"):
        made[name] = [int(position[child]) if child != _LEAF else _LEAF for child in made[name]]
    made["parents"] = [int(position[one]) if one != _ROOT_PARENT else one for one in made["parents"]]
    for node in np.flatnonzero(is_cut[kept]):
        made["left_children"][node] = made["right_children"][node] = _LEAF
        made["split_conditions"][node] = made["base_weights"][node] = float(np.float32(values[kept[node]]))
        made["split_indices"][node] = made["default_left"][node] = 0
        made["loss_changes"][node] = 0.0
        if made.get("split_type"):
            made["split_type"][node] = 0
    made["tree_param"] = tree["tree_param"] | {"num_nodes": str(len(kept)), "num_deleted": "0"}
    return made | _categories(tree, {int(node): int(position[node]) for node in kept if not is_cut[node]})


def _categories(tree: dict[str, Any], position: dict[int, int]) -> dict[str, Any]:
    """Return the sets of categories of the splits that are left, by their new places."""
    found: dict[str, list[int]] = {
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
    }
    segments = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for node, first, size in segments:
        if node in position:
            found["categories_nodes"].append(position[node])
            found["categories_segments"].append(len(found["categories"]))
            found["categories_sizes"].append(size)
            found["categories"] += tree["categories"][first : first + size]
    return found
