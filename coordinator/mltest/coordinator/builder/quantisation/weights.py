"""A graph made ready for smaller numbers: its weights where the tools look for them, or the reason why it has none."""

from typing import Any

from mltest.shared.errors import ConversionError

LAYERS = ("MatMul", "Gemm", "Conv")
"""Operators whose weights are made smaller."""

_FLOAT32 = 1
"""TensorProto.DataType."""


def prepared(graph_file: bytes) -> Any:
    """Return the model of `graph_file` with constants as initialisers, and the bias of each Gemm as one row of numbers.

    Raises:
        ConversionError: it has no layer with float32 weights.

    """
    import onnx

    model = onnx.load_from_string(graph_file)
    lift_constants(model.graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in LAYERS]
    if not any(_is_float32(weights.get(name)) for node in layers for name in node.input[:2]):
        operators = ", ".join(sorted({node.op_type for node in model.graph.node}))
        detail = f"its graph has no matrix of float32 weights to make smaller; its operators are {operators}"
        raise ConversionError(converter="quantisation", detail=detail)
    for node in layers:
        if node.op_type == "Gemm" and len(node.input) > 2:
            _flatten(weights.get(node.input[2]))
    return model


def lift_constants(graph: Any) -> None:
    """Make initialisers of the constants that nodes of `graph` give."""
    for node in list(graph.node):
        values = [attribute for attribute in node.attribute if attribute.name == "value"]
        if node.op_type == "Constant" and values:
            graph.initializer.add().CopyFrom(values[0].t)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)


def _is_float32(tensor: Any) -> bool:
    return tensor is not None and tensor.data_type == _FLOAT32


def _flatten(bias: Any) -> None:
    """Let a bias (1, n) be (n,): ONNX Runtime 1.32 takes the first for one number when it makes int8 of each column."""
    if bias is not None and len(bias.dims) == 2 and bias.dims[0] == 1:
        del bias.dims[0]
