"""A tree ensemble in FastInference's own JSON. Pure.

Source of the format: `to_dict` and `from_dict` of fastinference/models/Ensemble.py and Tree.py.
"""

import math
from collections.abc import Iterator, Sequence

from mltest.coordinator.builder.c_source.ensemble import EVERY_OUTPUT, LEAF, Ensemble, Tree
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32
from mltest.shared.errors import ConversionError

CONVERTER = "FastInference"
"""How failures name what converts."""
MODEL_NAME = "model"
"""Its function is FAST_INFERENCE::predict_model."""

_EVEN = 0.5


def model_json(ensemble: Ensemble, visits: Sequence[Sequence[int]] = (), *, weight: float = 1.0) -> dict[str, object]:
    """Return `ensemble` as FastInference reads it; base scores, divisor and link are not in it.

    Args:
        ensemble: its thresholds are rounded down to float32 where X is float32, so that code in either type compares as
            the model does.
        visits: for each tree and node, how many rows come by; empty: every way is taken to be as likely as the other.
        weight: of every tree.

    Raises:
        ConversionError: a number is none that its templates can write.

    """
    trees = (
        _tree(f"tree_{index}", tree, ensemble, visits[index] if visits else ())
        for index, tree in enumerate(ensemble.trees)
    )
    return {
        **_about(MODEL_NAME, "ensemble", ensemble),
        "models": [{"weight": weight, "model": tree} for tree in trees],
    }


def _about(name: str, category: str, ensemble: Ensemble) -> dict[str, object]:
    return {
        "category": category,
        "name": name,
        "classes": list(range(ensemble.sum_count)),
        "n_classes": ensemble.sum_count,
        "n_features": ensemble.feature_count,
        "accuracy": None,
    }


def _tree(name: str, tree: Tree, ensemble: Ensemble, visits: Sequence[int]) -> dict[str, object]:
    """Return one tree; children have greater numbers than their parents, so that no recursion is needed."""
    shares = tuple(_shares(tree, visits))
    nodes: dict[int, dict[str, object]] = {}
    for node in reversed(range(tree.node_count)):
        left, right, path = shares[node]
        made: dict[str, object] = {
            "numSamples": visits[node] if visits else 0,
            "pathProb": path,
            "isCategorical": False,
            "prediction": None,
        }
        if tree.features[node] == LEAF:
            made["prediction"] = _leaf(tree, node, ensemble.sum_count)
        else:
            made |= {
                "feature": tree.features[node],
                "split": _split(tree.thresholds[node], ensemble.input_type),
                "probLeft": left,
                "probRight": right,
                "leftChild": nodes.pop(tree.lefts[node]),
                "rightChild": nodes.pop(tree.rights[node]),
            }
        nodes[node] = made
    return {**_about(name, "tree", ensemble), "model": nodes[0]}


def _shares(tree: Tree, visits: Sequence[int]) -> Iterator[tuple[float, float, float]]:
    """Yield for each node the share of its rows that goes left, and right, and the share of all rows that comes by."""
    paths, lefts = [1.0] * tree.node_count, [_EVEN] * tree.node_count
    for node, left, right in tree.inner():
        if visits and visits[node]:
            lefts[node] = visits[left] / visits[node]
        paths[left], paths[right] = paths[node] * lefts[node], paths[node] * (1 - lefts[node])
    yield from ((left, 1 - left, path) for left, path in zip(lefts, paths, strict=True))


def _leaf(tree: Tree, node: int, sum_count: int) -> list[float]:
    """Return what the leaf adds to every sum."""
    values = tree.values[node]
    if not all(map(math.isfinite, values)):
        raise _refusal("a leaf is not a finite number, which its templates cannot write")
    if tree.output == EVERY_OUTPUT:
        return list(values)
    return [*[0.0] * tree.output, *values, *[0.0] * (sum_count - tree.output - 1)]


def _split(threshold: float, input_type: str) -> float:
    split = floor_to_float32(threshold) if input_type == "float32" else threshold
    if not math.isfinite(split):
        raise _refusal("a threshold is not a finite number, which its templates cannot write")
    return split


def _refusal(detail: str) -> ConversionError:
    return ConversionError(converter=CONVERTER, detail=detail)
