"""Trees as arrays of nodes that one short loop goes through, without a branch that depends on the row. Pure.

The two children of a node lie side by side, so that the next node is `child + (key > threshold)`. A leaf is its own
child, and its threshold is above every key: a way that has ended stays where it is while others go on. So the
processor follows several ways at once: of four trees for one row, of eight rows for one tree.
"""

from collections import deque
from collections.abc import Sequence

from mltest.coordinator.builder.c_source.chosen_keys import keys_for
from mltest.coordinator.builder.c_source.ensemble import EVERY_OUTPUT, LEAF, Ensemble, Tree
from mltest.coordinator.builder.c_source.frame import epilogue, prologue
from mltest.coordinator.builder.c_source.keys import Keys
from mltest.coordinator.builder.c_source.literals import C_TYPES, number_literal, table_lines, unsigned_type

TREE_LANES, ROW_LANES = 4, 8
"""Ways that are followed at once."""


def nodes_source(ensemble: Ensemble, thresholds: str, visits: Sequence[Sequence[int]] = ()) -> str:
    """Return C for `ensemble`; `visits` (for each tree and node) puts children that more rows go to behind parents."""
    keys = keys_for(ensemble, thresholds, compares_sides=False)
    orders = [_placed(tree, visits[index] if visits else ()) for index, tree in enumerate(ensemble.trees)]
    about = f"{len(ensemble.trees)} trees as arrays of nodes."
    return "\n".join(
        [
            *prologue(ensemble, keys, about),
            *_tables(ensemble, keys, orders),
            *_walking(ensemble),
            *epilogue(ensemble, keys),
            "",
        ]
    )


def _placed(tree: Tree, visits: Sequence[int]) -> list[int]:
    """Return the nodes in the order of the array, siblings together.

    Without visits level by level; with them along the ways that more rows go.
    """
    order, waiting = [0], deque([0])
    while waiting:
        node = waiting.pop() if visits else waiting.popleft()
        if tree.features[node] == LEAF:
            continue
        pair = [tree.lefts[node], tree.rights[node]]
        order += pair
        waiting += sorted(pair, key=lambda child: visits[child]) if visits else pair
    return order


def _tables(ensemble: Ensemble, keys: Keys, orders: list[list[int]]) -> list[str]:
    rows = _value_rows(ensemble)
    largest_child = max((len(order) for order in orders), default=1) - 1
    return [
        "struct node {",
        f"    {keys.threshold_type} threshold;",
        f"    {unsigned_type(keys.key_count - 1)} key;",
        f"    {unsigned_type(largest_child)} child; /* The left one, from the root; the right one is behind it. */",
        "};",
        "",
        "static const struct node NODES[] = {",
        *table_lines(
            entry for tree, order in zip(ensemble.trees, orders, strict=True) for entry in _nodes(tree, order, keys)
        ),
        "};",
        "",
        "/* Of each node: which values a leaf adds. */",
        f"static const {unsigned_type(max(len(rows) - 1, 0))} LEAVES[] = {{",
        *table_lines(
            str(rows.get(tree.values[node], 0))
            for tree, order in zip(ensemble.trees, orders, strict=True)
            for node in order
        ),
        "};",
        "",
        f"enum {{ WIDTH = {_width(ensemble)} }};",
        f"static const {_value_type(ensemble)} VALUES[][WIDTH] = {{",
        *table_lines("{" + ",".join(number_literal(value, ensemble.sum_type) for value in row) + "}" for row in rows),
        "};",
        "",
        *_tree_table(ensemble, orders),
    ]


def _nodes(tree: Tree, order: list[int], keys: Keys) -> list[str]:
    places = {node: place for place, node in enumerate(order)}
    return [_node(tree, node, places, keys) for node in order]


def _node(tree: Tree, node: int, places: dict[int, int], keys: Keys) -> str:
    if tree.features[node] == LEAF:
        return f"{{{keys.largest},0,{places[node]}}}"
    feature, side = tree.features[node], tree.misses_left[node]
    threshold = keys.threshold(tree.thresholds[node], feature=feature, misses_left=side)
    return f"{{{threshold},{keys.place(feature, misses_left=side)},{places[tree.lefts[node]]}}}"


def _value_rows(ensemble: Ensemble) -> dict[tuple[float, ...], int]:
    """Return the different leaves, each with its number; pure leaves of a forest are all the same."""
    rows: dict[tuple[float, ...], int] = {}
    for tree in ensemble.trees:
        for values in tree.values:
            if values:
                rows.setdefault(values, len(rows))
    return rows


def _value_type(ensemble: Ensemble) -> str:
    return f"int{ensemble.leaf_bits}_t" if ensemble.leaf_bits else C_TYPES[ensemble.sum_type]


def _width(ensemble: Ensemble) -> int:
    return ensemble.sum_count if any(tree.output == EVERY_OUTPUT for tree in ensemble.trees) else 1


def _tree_table(ensemble: Ensemble, orders: list[list[int]]) -> list[str]:
    entries, first = [], 0
    for tree, order in zip(ensemble.trees, orders, strict=True):
        entries.append(f"{{{first},{tree.depth()},{max(tree.output, 0)}}}")
        first += len(order)
    return [
        "struct tree {",
        "    uint32_t root;",
        "    uint32_t depth;",
        "    uint32_t sum; /* To which its leaves are added. */",
        "};",
        "",
        f"enum {{ TREES = {len(entries)} }};",
        "static const struct tree ALL[TREES] = {",
        *table_lines(entries),
        "};",
        "",
    ]


def _walking(ensemble: Ensemble) -> list[str]:
    """Return the functions, and none that nothing calls: clang warns of it."""
    whole, rest = divmod(len(ensemble.trees), TREE_LANES)
    return [
        *_STEP,
        *(_ONE_WAY if rest else ()),
        *(_four_trees() if whole else ()),
        *_eight_rows(),
        *_add_trees(len(ensemble.trees)),
    ]


_STEP = [
    "static inline uint32_t next(const struct node *tree, uint32_t at, const KEY *row) {",
    "    return (uint32_t)tree[at].child + (uint32_t)(row[tree[at].key] > tree[at].threshold);",
    "}",
    "",
    "static inline void add(const struct tree *tree, uint32_t at, SUM *sums) {",
    "    size_t leaf = LEAVES[tree->root + at];",
    "    for (size_t i = 0; i < WIDTH; i++)",
    "        sums[tree->sum + i] += VALUES[leaf][i];",
    "}",
    "",
]
_ONE_WAY = [
    "static inline void one_way(const struct tree *tree, const KEY *row, SUM *sums) {",
    "    uint32_t at = 0;",
    "    for (uint32_t level = tree->depth; level; level--)",
    "        at = next(NODES + tree->root, at, row);",
    "    add(tree, at, sums);",
    "}",
    "",
]


def _four_trees() -> list[str]:
    lanes = range(TREE_LANES)
    return [
        "/* One row through several trees at once; their leaves are added one after the other. */",
        "static inline void trees_of_row(const struct tree *trees, const KEY *row, SUM *sums) {",
        *(f"    const struct node *tree_{lane} = NODES + trees[{lane}].root;" for lane in lanes),
        f"    uint32_t {', '.join(f'at_{lane} = 0' for lane in lanes)}, depth = trees[0].depth;",
        f"    for (size_t i = 1; i < {TREE_LANES}; i++)",
        "        depth = trees[i].depth > depth ? trees[i].depth : depth;",
        "    for (; depth; depth--) {",
        *(f"        at_{lane} = next(tree_{lane}, at_{lane}, row);" for lane in lanes),
        "    }",
        *(f"    add(trees + {lane}, at_{lane}, sums);" for lane in lanes),
        "}",
        "",
    ]


def _eight_rows() -> list[str]:
    lanes = range(ROW_LANES)
    return [
        "/* Several rows through one tree at once. */",
        "static void rows_of_tree(const struct tree *tree, const KEY *rows, SUM *sums) {",
        "    const struct node *nodes = NODES + tree->root;",
        f"    uint32_t {', '.join(f'at_{lane} = 0' for lane in lanes)};",
        "    for (uint32_t level = tree->depth; level; level--) {",
        *(f"        at_{lane} = next(nodes, at_{lane}, rows + {lane} * KEYS);" for lane in lanes),
        "    }",
        *(f"    add(tree, at_{lane}, sums + {lane} * SUMS);" for lane in lanes),
        "}",
        "",
    ]


def _add_trees(tree_count: int) -> list[str]:
    whole = tree_count // TREE_LANES * TREE_LANES
    return [
        f"enum {{ TREE_LANES = {TREE_LANES}, ROW_LANES = {ROW_LANES}, IN_LANES = {whole} }};",
        "",
        "static void trees_one_row(const KEY *row, SUM *sums) {",
        *_loop("IN_LANES", "TREE_LANES", "trees_of_row(ALL + tree, row, sums);", is_empty=not whole),
        *(f"    one_way(ALL + {tree}, row, sums);" for tree in range(whole, tree_count)),
        "}",
        "",
        "static void add_trees(const KEY *keys, size_t row_count, SUM *sums) {",
        "    size_t row = row_count / ROW_LANES * ROW_LANES;",
        "    for (size_t tree = 0; tree < TREES; tree++)",
        "        for (size_t first = 0; first < row; first += ROW_LANES)",
        "            rows_of_tree(ALL + tree, keys + first * KEYS, sums + first * SUMS);",
        "    for (; row < row_count; row++)",
        "        trees_one_row(keys + row * KEYS, sums + row * SUMS);",
        "}",
        "",
    ]


def _loop(end: str, step: str, call: str, *, is_empty: bool) -> list[str]:
    return [] if is_empty else [f"    for (size_t tree = 0; tree < {end}; tree += {step})", f"        {call}"]
