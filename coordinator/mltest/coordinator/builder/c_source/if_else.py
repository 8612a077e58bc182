"""Trees as nested ifs: one function a tree, the leaf's values added where the way ends. Pure."""

from collections.abc import Iterator, Sequence

from mltest.coordinator.builder.c_source.chosen_keys import keys_for
from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Tree
from mltest.coordinator.builder.c_source.frame import epilogue, prologue
from mltest.coordinator.builder.c_source.keys import Keys, RowKeys
from mltest.coordinator.builder.c_source.literals import number_literal, table_lines

MAX_NODES = 80_000
"""A compiler takes a minute and more for larger ones; 64 trees of depth 10 have up to 50,000."""

_MAX_INDENT = 40
"""Levels; deeper ones are not moved further."""


def if_else_source(ensemble: Ensemble, thresholds: str, visits: Sequence[Sequence[int]] = ()) -> str:
    """Return C for `ensemble`; `visits` (for each tree and node) puts the child that more rows go to first."""
    keys = keys_for(ensemble, thresholds, compares_sides=True)
    about = f"{len(ensemble.trees)} trees as nested ifs."
    trees = (
        line
        for index, tree in enumerate(ensemble.trees)
        for line in _tree_lines(index, tree, keys, ensemble.sum_type, visits[index] if visits else ())
    )
    return "\n".join([*prologue(ensemble, keys, about), *trees, *_adding(ensemble), *epilogue(ensemble, keys), ""])


def _tree_lines(index: int, tree: Tree, keys: Keys, sum_type: str, visits: Sequence[int]) -> Iterator[str]:
    yield f"static void tree_{index}(const KEY *row, SUM *sums) {{"
    if tree.features[0] == LEAF:
        yield "    (void)row;"
    yield from _Nodes(tree, keys, sum_type, visits).lines()
    yield "}"
    yield ""


class _Nodes:
    def __init__(self, tree: Tree, keys: Keys, sum_type: str, visits: Sequence[int]) -> None:
        self._tree, self._keys, self._sum_type, self._visits = tree, keys, sum_type, visits

    def lines(self) -> Iterator[str]:
        """Go through the tree without recursion: trees may be deeper than Python's stack."""
        waiting: list[tuple[int | str, int]] = [(0, 1)]
        while waiting:
            node, level = waiting.pop()
            indent = "    " * min(level, _MAX_INDENT)
            if isinstance(node, str):
                yield indent + node
            elif self._tree.features[node] == LEAF:
                yield from (indent + line for line in self._leaf(node))
            else:
                condition, first, second = self._branch(node)
                yield f"{indent}if ({condition}) {{"
                waiting += [("}", level), (second, level + 1), ("} else {", level), (first, level + 1)]

    def _branch(self, node: int) -> tuple[str, int, int]:
        tree = self._tree
        left, right = tree.lefts[node], tree.rights[node]
        is_right_hotter = bool(self._visits) and self._visits[right] > self._visits[left]
        condition = self._goes_right(node) if is_right_hotter else self._goes_left(node)
        return (condition, right, left) if is_right_hotter else (condition, left, right)

    def _goes_left(self, node: int) -> str:
        if self._misses_by_comparison(node):
            return f"!({self._compared(node, '>')})"
        return self._compared(node, "<=")

    def _goes_right(self, node: int) -> str:
        if self._misses_by_comparison(node):
            return self._compared(node, ">")
        return f"!({self._compared(node, '<=')})" if isinstance(self._keys, RowKeys) else self._compared(node, ">")

    def _misses_by_comparison(self, node: int) -> bool:
        return isinstance(self._keys, RowKeys) and self._tree.misses_left[node]

    def _compared(self, node: int, operator: str) -> str:
        side, value = self._tree.misses_left[node], self._tree.thresholds[node]
        feature = self._tree.features[node]
        place, threshold = (
            self._keys.place(feature, misses_left=side),
            self._keys.threshold(value, feature=feature, misses_left=side),
        )
        return f"row[{place}] {operator} {threshold}"

    def _leaf(self, node: int) -> Iterator[str]:
        values, first = self._tree.values[node], max(self._tree.output, 0)
        for output, value in enumerate(values, first):
            # Adding zero changes no sum but that of nothing.
            if value or len(values) == 1:
                yield f"sums[{output}] += {number_literal(value, self._sum_type)};"


def _adding(ensemble: Ensemble) -> list[str]:
    """Return the function that goes through the trees, one after the other for a tile of rows."""
    names = [f"tree_{index}" for index in range(len(ensemble.trees))]
    return [
        f"static void (*const TREES[{len(names)}])(const KEY *row, SUM *sums) = {{",
        *table_lines(names),
        "};",
        "",
        "static void add_trees(const KEY *keys, size_t row_count, SUM *sums) {",
        f"    for (size_t tree = 0; tree < {len(names)}; tree++)",
        "        for (size_t row = 0; row < row_count; row++)",
        "            TREES[tree](keys + row * KEYS, sums + row * SUMS);",
        "}",
        "",
    ]
