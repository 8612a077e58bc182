"""Parameters, multiplications, operators and activations of networks.

A MAC is one multiplication of a convolution or a matrix product; biases, activations and pooling are not counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from mltest.coordinator.builder.judging.networks.graph_products import products_of
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.errors import ConversionError
from mltest.shared.model_format import PT2
from mltest.shared.native.outputs import final_estimator

_FLOAT_TYPES = (1, 10, 11, 16)
"""float32, float16, float64 and bfloat16 of TensorProto.DataType."""
_QUANTISED = {
    "QuantizeLinear": (0,),
    "DequantizeLinear": (0,),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "ConvInteger": (0, 1),
    "MatMulInteger": (0, 1),
}
"""Operators, and which of their inputs may be weights."""
_BYTES = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 16: 2}
"""Of the types that outputs usually have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphCost:
    """What one row costs in a graph."""

    parameter_count: int
    mac_count: int | None
    """None where nobody knows, see `mac_reason`."""
    mac_reason: str
    activation_bytes: int | None
    """Outputs of nodes that are alive at once, at most, in the order of the graph; None where a shape is not known."""
    operators: Mapping[str, int]


def network_facts(evidence: ModelEvidence, test: str) -> Facts:
    """Return parameters, MACs, operators and the memory of activations, all for one row."""
    if evidence.native is not None:
        return _perceptron_facts(final_estimator(evidence.native.estimator), test)
    facts = Facts(test)
    if evidence.model.format == PT2:
        _add_program(facts, evidence)
        return facts
    if evidence.model.format != "onnx":
        facts.add("parameter_count", None, reason=f"networks of format {evidence.model.format} are not read")
        return facts
    import onnx

    cost = graph_cost(onnx.load_model(str(evidence.path), load_external_data=False))
    facts.add("parameter_count", cost.parameter_count)
    _add_cost(facts, cost)
    _add_operators(facts, cost.operators)
    return facts


def _add_program(facts: Facts, evidence: ModelEvidence) -> None:
    """Add what a program of PyTorch says itself, and what its ONNX graph costs."""
    import onnx

    from mltest.coordinator.builder.torch_graph import torch_graph
    from mltest.shared.native.torch_module import open_program

    program = open_program(evidence.path).program
    facts.add("parameter_count", sum(weights.numel() for weights in program.parameters()))
    try:
        _add_cost(facts, graph_cost(onnx.load_model_from_string(torch_graph(evidence.path))))
    except ConversionError as error:
        for metric in ("mac_count", "activation_bytes"):
            facts.add(metric, None, reason=f"its ONNX graph, of which it is counted, cannot be had: {error.message}")
    nodes = (node for node in program.graph.nodes if node.op == "call_function")
    _add_operators(facts, Counter(str(node.target).removeprefix("aten.").partition(".")[0] for node in nodes))


def _add_cost(facts: Facts, cost: GraphCost) -> None:
    unknown = "a shape in the graph is not known before it runs"
    facts.add("mac_count", cost.mac_count, reason=cost.mac_reason)
    facts.add("activation_bytes", cost.activation_bytes, reason="" if cost.activation_bytes is not None else unknown)


def _add_operators(facts: Facts, operators: Mapping[str, int]) -> None:
    for operator, count in sorted(operators.items(), key=lambda item: (-item[1], item[0])):
        facts.add("operator_count", count, statistic="operator", label=operator)


def graph_cost(model: Any) -> GraphCost:
    """Return what one row costs in an ONNX `model`; dimensions that are free are taken as 1, the batch."""
    import onnx
    import onnx.inliner

    model = onnx.inliner.inline_local_functions(model) if model.functions else model
    inferred = onnx.shape_inference.infer_shapes(_of_one_row(model), data_prop=True)
    graph = inferred.graph
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes = dict(weights)
    kinds: dict[str, int] = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        kinds[value.name] = value.type.tensor_type.elem_type
        if value.type.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            shapes.setdefault(value.name, tuple(dim.dim_value for dim in dims))
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            shapes[node.output[0]] = tuple(node.attribute[0].t.dims)
    macs = [products_of(node, shapes) for node in graph.node]
    reason = next((found for found in macs if isinstance(found, str)), "")
    return GraphCost(
        parameter_count=_parameter_count(graph),
        mac_count=None if reason else sum(found for found in macs if isinstance(found, int)),
        mac_reason=reason,
        activation_bytes=_most_alive(graph, shapes, kinds, weights),
        operators=Counter(node.op_type for node in graph.node),
    )


def _parameter_count(graph: Any) -> int:
    """Return how many numbers the graph was taught: floats, and whole numbers that stand for them.

    Scales and zero points of quantised numbers are not among them.
    """
    whole, beside = set(), set()
    for node in graph.node:
        if node.op_type in _QUANTISED:
            taught = [node.input[place] for place in _QUANTISED[node.op_type] if place < len(node.input)]
            whole |= set(taught)
            beside |= set(node.input) - set(taught)
    return sum(
        prod(tensor.dims)
        for tensor in graph.initializer
        if tensor.name in whole or (tensor.data_type in _FLOAT_TYPES and tensor.name not in beside)
    )


def _of_one_row(model: Any) -> Any:
    """Return a copy of `model` whose free dimensions of inputs are 1."""
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    for value in copied.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value") or dim.dim_value < 1:
                dim.dim_value = 1
    # What an exporter wrote about free shapes would hold against what is inferred now.
    del copied.graph.value_info[:]
    for value in copied.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.Clear()
    return copied


def _most_alive(
    graph: Any, shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, int], weights: Mapping[str, Any]
) -> int | None:
    last_use = {name: position for position, node in enumerate(graph.node) for name in node.input}
    end = len(graph.node)
    last_use |= {value.name: end for value in graph.output}
    alive = {value.name: _size(value.name, shapes, kinds) for value in graph.input if value.name not in weights}
    largest = 0
    for position, node in enumerate(graph.node):
        if node.op_type != "Constant":
            alive |= {name: _size(name, shapes, kinds) for name in node.output if name}
        if any(size is None for size in alive.values()):
            return None
        largest = max(largest, sum(size or 0 for size in alive.values()))
        alive = {name: size for name, size in alive.items() if last_use.get(name, -1) > position}
    return largest


def _size(name: str, shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, int]) -> int | None:
    size = _BYTES.get(kinds.get(name, 0))
    return None if size is None or name not in shapes else prod(shapes[name]) * size


def _perceptron_facts(final: Any, test: str) -> Facts:
    """Return the same of scikit-learn's perceptron, whose layers are matrix products in float64."""
    facts = Facts(test)
    shapes = [weights.shape for weights in final.coefs_]
    facts.add("parameter_count", sum(rows * columns + columns for rows, columns in shapes))
    facts.add("mac_count", sum(rows * columns for rows, columns in shapes))
    facts.add("activation_bytes", max(rows + columns for rows, columns in shapes) * final.coefs_[0].dtype.itemsize)
    facts.add("operator_count", len(shapes), statistic="operator", label="matrix product")
    activations = Counter([final.activation] * (len(shapes) - 1) + [final.out_activation_])
    for name, count in activations.items():
        facts.add("operator_count", count, statistic="operator", label=str(name))
    return facts
