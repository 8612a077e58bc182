"""How many multiplications of convolutions and matrix products a node of an ONNX graph takes. Pure.

What an operator multiplies besides (biases, gates of a recurrent layer, scales, pooling) is not counted.
Source: the operators' specification, https://onnx.ai/onnx/operators.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

_STANDARD = ("", "ai.onnx", "ai.onnx.ml")
_OF_UNKNOWN_COST = ("Attention", "DeformConv", "Einsum")
_SHAPELESS = "a shape in the graph is not known before it runs"


def products_of(node: Any, shapes: Shapes) -> int | str:
    """Return the multiplications of `node` (NodeProto), 0 of one that has none; or why nobody knows."""
    import onnx

    if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute):
        return f"how often the graph within {node.op_type} runs is not known before"
    if node.domain not in _STANDARD or node.op_type in _OF_UNKNOWN_COST:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        return f"how many products {name} takes is not known"
    count = _COUNTED.get(node.op_type)
    try:
        return count(node, shapes) if count else 0
    except KeyError:
        return _SHAPELESS


def _of_convolution(weight: int) -> Callable[[Any, Shapes], int]:
    # A weight is (outputs, inputs of its group, kernel ...): each output value takes one kernel over its inputs.
    return lambda node, shapes: prod(shapes[node.output[0]]) * prod(shapes[node.input[weight]][1:])


def _of_transposed(node: Any, shapes: Shapes) -> int:
    # A weight is (inputs, outputs of its group, kernel ...): each input value is spread by one kernel.
    return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])


def _of_product(node: Any, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _of_gemm(node: Any, shapes: Shapes) -> int:
    transposed = any(found.name == "transA" and found.i for found in node.attribute)
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]


def _of_recurrent(node: Any, shapes: Shapes) -> int:
    # X is (steps, rows, inputs), or (rows, steps, inputs); W and R are (directions, gates x hidden, ...).
    steps, rows, _ = shapes[node.input[0]]
    return steps * rows * (prod(shapes[node.input[1]]) + prod(shapes[node.input[2]]))


_COUNTED: Mapping[str, Callable[[Any, Shapes], int]] = {
    "Conv": _of_convolution(1),
    "ConvInteger": _of_convolution(1),
    "QLinearConv": _of_convolution(3),
    "ConvTranspose": _of_transposed,
    "MatMul": _of_product,
    "MatMulInteger": _of_product,
    "QLinearMatMul": _of_product,
    "Gemm": _of_gemm,
    "LSTM": _of_recurrent,
    "GRU": _of_recurrent,
    "RNN": _of_recurrent,
}
