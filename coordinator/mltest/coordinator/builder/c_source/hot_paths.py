"""How often rows come by each node, so that code can be laid out along the ways that are gone; in the builder's child.

Source: Buschjäger, Chen, Chen & Morik 2018, "Realization of Random Forest for Real-Time Evaluation through Tree
Framing".
"""

from typing import TYPE_CHECKING

from mltest.coordinator.builder.c_source.ensemble import Tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def visits_of(tree: Tree, rows: "NDArray[np.floating]") -> tuple[int, ...]:
    """Return how many of `rows` (rows, features), in the type of the comparison, come by each node."""
    import numpy as np

    counts = [0] * tree.node_count
    at: dict[int, NDArray[np.intp]] = {0: np.arange(len(rows))}
    counts[0] = len(rows)
    for node, left, right in tree.inner():
        here = at.pop(node)
        values = rows[here, tree.features[node]]
        with np.errstate(invalid="ignore"):
            goes_left = ~(values > tree.thresholds[node]) if tree.misses_left[node] else values <= tree.thresholds[node]
        for child, found in ((left, here[goes_left]), (right, here[~goes_left])):
            at[child] = found
            counts[child] = len(found)
    return tuple(counts)
