"""The trees of a text file of LightGBM, changed line by line, and written again by the library.

Source: src/io/tree.cpp of LightGBM 4.6: inner nodes count from 0, leaf k is called -1 - k.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.additive import Loss
from mltest.coordinator.builder.surgery.linked_tree import averaged, depths, reachable
from mltest.shared.errors import ConversionError

_END_OF_TREES = "\nend of trees"
_SIZES = re.compile(r"\ntree_sizes=[^\n]*")
_LOSSES = {"binary": Loss.LOGISTIC, "multiclass": Loss.SOFTMAX, "regression": Loss.SQUARED}
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_OF_INNER = (
    *("split_feature", "split_gain", "threshold", "decision_type"),
    *("internal_value", "internal_weight", "internal_count"),
)
_NO_CHILD = -1

Lines = dict[str, str]


class LightGbmTrees:
    """See `library_trees.LibraryTrees`."""

    def __init__(self, path: Path, transform: str) -> None:
        """Open a checked file.

        Raises:
            ConversionError: its leaves hold linear models.

        """
        import lightgbm

        self._booster = lightgbm.Booster(model_file=path)
        self._trees: list[Lines] = []
        self._read()
        if any(tree.get("is_linear", "0") != "0" for tree in self._trees):
            raise ConversionError(converter=transform, detail="the leaves of its trees hold linear models")
        self.objective = " ".join(re.findall(r"\nobjective=([^\n]*)", self._head)) or "none"
        # A slope or a root that the link takes in is another loss.
        words = self.objective.split()
        is_plain = not any(word == "sqrt" or (word.startswith("sigmoid:") and word != "sigmoid:1") for word in words)
        self.loss = _LOSSES.get(words[0]) if is_plain else None

    @property
    def columns(self) -> NDArray[np.int64]:
        """To which column of the margins each tree adds (trees,)."""
        return np.arange(len(self._trees), dtype=np.int64) % self._booster.num_model_per_iteration()

    @property
    def scale(self) -> float:
        """What each leaf is multiplied by: less than 1 where trees are averaged."""
        is_mean = "\naverage_output" in self._head
        return self._booster.num_model_per_iteration() / len(self._trees) if is_mean else 1.0

    def leaves_of(self, rows: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the leaf (rows, trees) of each row."""
        found = np.asarray(self._booster.predict(rows, pred_leaf=True, num_threads=1)).reshape(len(rows), -1)
        leaves: NDArray[np.int64] = found.astype(np.int64) + self._firsts()[None, :]
        return leaves

    def margins(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (rows, columns) before any link; of averaged trees the raw score is their sum."""
        found = np.asarray(self._booster.predict(rows, raw_score=True, num_threads=1), dtype=np.float64)
        return self.scale * found.reshape(len(rows), -1)

    def values(self) -> NDArray[np.float64]:
        """Return the value of each leaf."""
        return np.concatenate([_floats(tree, "leaf_value") for tree in self._trees])

    def deepest(self) -> int:
        """Return the depth of the deepest tree."""
        return max(int(depths(*_linked(tree)).max()) for tree in self._trees)

    def set_values(self, values: NDArray[np.float64]) -> None:
        """Replace the values (leaves,)."""
        for first, tree in zip(self._firsts(), self._trees, strict=True):
            tree["leaf_value"] = _text(values[first : first + int(tree["num_leaves"])])
        self._reload()

    def cap(self, limit: int) -> None:
        """Make each node in depth `limit` a leaf with the mean of those below it, by their rows."""
        for tree in self._trees:
            if int(tree["num_leaves"]) > 1:
                _cap(tree, limit)
        self._reload()

    def keep(self, trees: Sequence[int], member_count: int) -> None:
        """Keep these trees: the file says that they are averaged."""
        self._trees = [self._trees[index] for index in trees]
        self._reload()

    def write(self) -> bytes:
        """Return the file."""
        text: str = self._booster.model_to_string(num_iteration=-1, start_iteration=0)
        return text.encode()

    def _firsts(self) -> NDArray[np.int64]:
        counts = [int(tree["num_leaves"]) for tree in self._trees]
        return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)

    def _read(self) -> None:
        text: str = self._booster.model_to_string(num_iteration=-1, start_iteration=0)
        trees, end, self._tail = text.partition(_END_OF_TREES)
        self._tail = end + self._tail
        head, *blocks = trees.split("\nTree=")
        # Without their sizes the library looks for the trees.
        self._head = _SIZES.sub("", head)
        self._trees = [_lines(block) for block in blocks]

    def _reload(self) -> None:
        import lightgbm

        blocks = (
            f"\nTree={index}\n" + "".join(f"{key}={value}\n" for key, value in tree.items()) + "\n"
            for index, tree in enumerate(self._trees)
        )
        self._booster = lightgbm.Booster(model_str=self._head + "".join(blocks) + self._tail)
        self._read()


def _lines(block: str) -> Lines:
    pairs = (line.partition("=") for line in block.splitlines()[1:])
    return {key: value for key, _, value in pairs if key}


def _floats(tree: Lines, name: str) -> NDArray[np.float64]:
    return np.array(tree.get(name, "").split(), dtype=np.float64)


def _text(values: NDArray[np.float64]) -> str:
    return " ".join(repr(float(value)) for value in values)


def _linked(tree: Lines) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both children of each node; leaves stand behind the inner nodes."""
    inner_count = int(tree["num_leaves"]) - 1
    sides = []
    for name in ("left_child", "right_child"):
        own = np.array(tree.get(name, "").split(), dtype=np.int64)[:inner_count]
        leaves = np.full(inner_count + 1, _NO_CHILD)
        sides.append(np.concatenate([np.where(own < 0, inner_count - 1 - own, own), leaves]))
    return sides[0], sides[1]


def _cap(tree: Lines, limit: int) -> None:
    left, right = _linked(tree)
    inner_count = int(tree["num_leaves"]) - 1
    weights = _floats(tree, "leaf_count") if tree.get("leaf_count") else np.ones(inner_count + 1)
    padding = np.zeros(inner_count)
    values = averaged(
        left, right, np.concatenate([padding, _floats(tree, "leaf_value")]), np.concatenate([padding, weights])
    )
    is_cut = (depths(left, right) == limit) & (left != _NO_CHILD)
    kept = reachable(left, right, is_cut)
    is_leaf = (left == _NO_CHILD) | is_cut
    inner, leaves = np.flatnonzero(kept & ~is_leaf), np.flatnonzero(kept & is_leaf)
    position = np.zeros(len(left), dtype=np.int64)
    position[inner], position[leaves] = np.arange(len(inner)), -1 - np.arange(len(leaves))
    of_leaves = {name: tree[name].split() for name in _OF_LEAVES if tree.get(name)}
    inside = {"leaf_weight": "internal_weight", "leaf_count": "internal_count"}
    for name, found in of_leaves.items():
        whole = tree.get(inside.get(name, ""), "").split() or ["0"] * inner_count
        texts = [*whole, *found]
        tree[name] = _text(values[leaves]) if name == "leaf_value" else " ".join(texts[node] for node in leaves)
    for name in _OF_INNER:
        if tree.get(name):
            own = tree[name].split()
            tree[name] = " ".join(own[node] for node in inner)
    for name, side in (("left_child", left), ("right_child", right)):
        tree[name] = " ".join(str(position[child]) for child in side[inner])
    tree["num_leaves"] = str(len(leaves))
