"""Reads the models of every tree library that treelite knows; in the builder's child only."""

from collections.abc import Sequence
from typing import Any

from mltest.coordinator.builder.c_source.ensemble import EVERY_OUTPUT, LEAF, Ensemble, Link, Tree
from mltest.coordinator.builder.c_source.thresholds import next_below
from mltest.shared.errors import ConversionError

CONVERTER = "mltest's own C"
"""How failures name what converts."""

_LINKS = {
    "identity": Link.NONE,
    "identity_multiclass": Link.NONE,
    "sigmoid": Link.SIGMOID,
    "softmax": Link.SOFTMAX,
    "exponential": Link.EXP,
}
_LESS, _AT_MOST = 2, 3
"""treelite/enum/operator.h: kLT, kLE."""
_LEAF_NODE, _CATEGORICAL = 0, 2
"""treelite/enum/tree_node_type.h."""


def ensemble_of(model: Any, *, rounds_to_float32: bool) -> Ensemble:
    """Return what is in a `treelite.Model`.

    Args:
        model: it.
        rounds_to_float32: whether the original library rounds X to float32 before it compares.

    Raises:
        ConversionError: it has what no printer knows: categories, several comparisons, another link.

    """
    header = _Fields(model.get_header_accessor())
    postprocessor = header.text("postprocessor")
    if postprocessor not in _LINKS:
        raise ConversionError(converter=CONVERTER, detail=f"it knows no link {postprocessor}")
    input_type = "float32" if rounds_to_float32 else str(model.input_type)
    outputs = _Outputs(header)
    trees = tuple(
        _tree(_Fields(model.get_tree_accessor(index)), outputs.of(index), input_type) for index in range(model.num_tree)
    )
    return Ensemble(
        feature_count=int(model.num_feature),
        input_type=input_type,
        sum_type=str(model.output_type),
        base_scores=tuple(header.numbers("base_scores", outputs.count)),
        trees=trees,
        divisor=_trees_for_each_sum(trees, outputs.count) if header.integers("average_tree_output")[0] else 1,
        link=_LINKS[postprocessor],
        alpha=header.numbers("sigmoid_alpha", 1)[0],
    )


def _trees_for_each_sum(trees: Sequence[Tree], sum_count: int) -> int:
    """Return by what averaged trees are divided: how many add to one sum."""
    counts = {sum(tree.output in (index, EVERY_OUTPUT) for tree in trees) for index in range(sum_count)}
    if len(counts) > 1:
        raise ConversionError(converter=CONVERTER, detail="it averages other numbers of trees for each class")
    return counts.pop()


class _Fields:
    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def integers(self, name: str) -> list[int]:
        return [int(value) for value in self._accessor.get_field(name)]

    def numbers(self, name: str, count: int) -> list[float]:
        found = [float(value) for value in self._accessor.get_field(name)]
        return found if len(found) == count else found[:1] * count

    def text(self, name: str) -> str:
        found = self._accessor.get_field(name)
        return found if isinstance(found, str) else bytes(found).decode()


class _Outputs:
    """Which sum each tree adds to; there is one for each target and class."""

    def __init__(self, header: _Fields) -> None:
        self._targets, self._classes = header.integers("target_id"), header.integers("class_id")
        self._class_counts = header.integers("num_class")
        self._leaf_shape = header.integers("leaf_vector_shape")
        self.count = sum(self._class_counts)
        if self._leaf_shape not in ([1, 1], [len(self._class_counts), max(self._class_counts)]):
            raise ConversionError(converter=CONVERTER, detail=f"it knows no leaves of shape {self._leaf_shape}")
        if len(self._class_counts) > 1 and max(self._class_counts) > 1:
            raise ConversionError(converter=CONVERTER, detail="it knows no classes of several targets")

    def of(self, index: int) -> int:
        if self.count == 1:
            return 0
        if self._leaf_shape != [1, 1]:
            return EVERY_OUTPUT
        target, found = self._targets[index], self._classes[index]
        return max(target, 0) + max(found, 0)


def _tree(fields: _Fields, output: int, input_type: str) -> Tree:
    kinds = fields.integers("node_type")
    if _CATEGORICAL in kinds:
        raise ConversionError(converter=CONVERTER, detail="it knows no splits by category")
    inner = [kind != _LEAF_NODE for kind in kinds]
    return Tree(
        features=_where(inner, fields.integers("split_index"), LEAF),
        thresholds=_thresholds(fields, inner, input_type),
        lefts=_where(inner, fields.integers("cleft"), LEAF),
        rights=_where(inner, fields.integers("cright"), LEAF),
        misses_left=tuple(map(bool, _where(inner, fields.integers("default_left"), 0))),
        values=_values(fields, inner),
        output=output,
    )


def _where(inner: list[bool], values: list[int], otherwise: int) -> tuple[int, ...]:
    return tuple(value if is_inner else otherwise for is_inner, value in zip(inner, values, strict=True))


def _thresholds(fields: _Fields, inner: list[bool], input_type: str) -> tuple[float, ...]:
    operators, found = fields.integers("cmp"), fields.numbers("threshold", len(inner))
    if unknown := {operators[node] for node, is_inner in enumerate(inner) if is_inner} - {_LESS, _AT_MOST}:
        raise ConversionError(converter=CONVERTER, detail=f"it knows no comparison number {min(unknown)}")
    return tuple(
        0.0 if not is_inner else next_below(value, input_type) if operator == _LESS else value
        for is_inner, operator, value in zip(inner, operators, found, strict=True)
    )


def _values(fields: _Fields, inner: list[bool]) -> tuple[tuple[float, ...], ...]:
    single = fields.numbers("leaf_value", len(inner))
    vector = [float(value) for value in fields._accessor.get_field("leaf_vector")]
    begins, ends = fields.integers("leaf_vector_begin"), fields.integers("leaf_vector_end")
    return tuple(
        () if is_inner else tuple(vector[begin:end]) or (value,)
        for is_inner, value, begin, end in zip(inner, single, begins, ends, strict=True)
    )
