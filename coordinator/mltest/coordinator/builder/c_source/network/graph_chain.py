"""Finds the one way from the input of an ONNX graph to its scores; in the builder's child only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.network.refusal import refusal

_TYPES = {1: "float32", 11: "float64"}
"""TensorProto.DataType."""
_CLASSICAL = "ai.onnx.ml"
_MAX_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator with everything that it reads besides the row."""

    name: str
    """Of the operator; "Complement" stands for `Concat(1 - p, p)`."""
    constants: tuple[NDArray[np.float64], ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Attributes that are numbers."""
    is_turned: bool = False
    """Whether the row is the second of its inputs."""


@dataclass(frozen=True, slots=True)
class Chain:
    """From the input to the scores."""

    input_type: str
    steps: tuple[Step, ...]


def chain_of(content: bytes) -> Chain:
    """Return the chain of the first output that holds real numbers.

    Raises:
        ConversionError: two ways meet in an operator, or weights are computed.

    """
    import onnx

    graph = onnx.load_from_string(content).graph
    constants = _constants(graph)
    (given,) = (one for one in graph.input if one.name not in constants)
    scores = [output.name for output in graph.output if output.type.tensor_type.elem_type in _TYPES]
    if not scores:
        raise refusal("the graph gives labels, and no scores to take them from")
    made_by = {name: node for node in graph.node for name in node.output}
    name, steps = scores[0], list[Step]()
    while name != given.name:
        if name not in made_by or len(steps) > _MAX_STEPS:
            raise refusal("the graph is no chain from its input to its scores")
        step, name = _step(made_by[name], constants, made_by)
        steps.append(step)
    return Chain(_TYPES[given.type.tensor_type.elem_type], tuple(reversed(steps)))


def _constants(graph: Any) -> dict[str, NDArray[np.float64]]:
    from onnx import numpy_helper

    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], one.t) for one in node.attribute if one.name == "value")
    return {name: np.asarray(numpy_helper.to_array(tensor)) for name, tensor in found.items()}


def _step(node: Any, constants: Mapping[str, NDArray[np.float64]], made_by: Mapping[str, Any]) -> tuple[Step, str]:
    """Return the step of `node`, and what it reads."""
    if node.op_type == "Concat" and (source := _complemented(node, constants, made_by)):
        return Step(name="Complement"), source
    reads = [name for name in node.input if name and name not in constants]
    if len(reads) != 1:
        raise refusal(f"{len(reads)} ways meet in an operator {node.op_type[:40]}; it takes chains")
    numbers = {one.name: one.f if one.type == 1 else float(one.i) for one in node.attribute if one.type in (1, 2)}
    held = [constants[name] for name in node.input if name in constants]
    if any(found.dtype.kind not in "fiu" for found in held):
        raise refusal(f"an operator {node.op_type[:40]} of it reads what are no numbers")
    given = tuple(found.astype(np.float64) for found in held)
    if (node.domain, node.op_type) == (_CLASSICAL, "Scaler"):
        named = {one.name: np.array(one.floats, dtype=np.float64) for one in node.attribute}
        if not {"offset", "scale"} <= named.keys():
            raise refusal("a Scaler of it has no offset or no scale")
        given = (named["offset"], named["scale"])
    elif node.domain not in ("", "ai.onnx"):
        raise refusal(f"it knows no operator {node.domain[:40]}.{node.op_type[:40]}")
    elif node.op_type in ("MatMul", "Gemm", "Add", "Sub", "Mul", "Div") and not given:
        raise refusal(f"an operator {node.op_type} of it has no constant")
    if node.op_type in ("MatMul", "Gemm") and node.input[0] != reads[0]:
        raise refusal(f"the rows are not the first input of an operator {node.op_type}")
    is_turned = node.input[0] != reads[0]
    return Step(name=node.op_type, constants=given, numbers=numbers, is_turned=is_turned), reads[0]


def _complemented(node: Any, constants: Mapping[str, NDArray[np.float64]], made_by: Mapping[str, Any]) -> str:
    """Return p if `node` is `Concat(1 - p, p)`; else nothing."""
    if len(node.input) != 2:
        return ""
    other, share = made_by.get(node.input[0]), str(node.input[1])
    if other is None or other.op_type != "Sub" or list(other.input)[1:] != [share]:
        return ""
    one = constants.get(other.input[0])
    return share if one is not None and bool(np.all(one == 1)) else ""
