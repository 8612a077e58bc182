"""Reads ONNX networks, with branches, as programs; a softmax at the end is left out, since labels are the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mltest.coordinator.builder.networks.operators import (
    Affine,
    Bend,
    Convolution,
    Curve,
    Dense,
    Joined,
    MaxPool,
    Mean,
    Relu,
    Reshape,
    Scale,
    Shape,
    Total,
    Transpose,
    Windows,
)
from mltest.coordinator.builder.networks.program import Program, Step, program_of
from mltest.coordinator.builder.networks.refusal import unread

_TYPES = {1: 2.0**-24, 11: 2.0**-53}
"""TensorProto.DataType: float32 and float64, and the relative error of one operation."""
_SILENT = ("Identity", "Dropout", "Cast")
_MAX_STEPS = 2000


def graph_program(content: bytes, feature_count: int) -> Program:
    """Return the program of an ONNX file that takes (rows, features) and gives scores.

    Raises:
        ConversionError: it has an operator that is not known here; its name is in the message.

    """
    import onnx

    graph = onnx.load_from_string(content).graph
    constants = _constants(graph)
    given = next(one for one in graph.input if one.name not in constants)
    scores = [one.name for one in graph.output if one.type.tensor_type.elem_type in _TYPES]
    if not scores:
        raise unread("the graph gives labels, and no scores")
    made_by = {name: node for node in graph.node for name in node.output}
    reader = _Reader(feature_count, constants, made_by, {given.name: 0})
    reader.end(scores[0])
    try:
        unit = _TYPES[given.type.tensor_type.elem_type]
        return program_of(feature_count, reader.steps, unit=unit)
    except ValueError as error:
        raise unread(f"its operators do not fit together ({error})") from error


@dataclass(slots=True)
class _Reader:
    feature_count: int
    constants: Mapping[str, Any]
    made_by: Mapping[str, Any]
    numbers: dict[str, int]
    """Of the values read so far, by name."""
    steps: list[Step] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the row itself."""
        self.shapes.append((self.feature_count,))

    def end(self, name: str) -> None:
        """Read everything that makes `name`, without a softmax or a pair of probabilities at the end."""
        last = self._made(name)
        while last.op_type in _SILENT:
            name, last = last.input[0], self._made(last.input[0])
        if last.op_type in ("Softmax", "LogSoftmax"):
            if _attributes(last).get("axis", -1) not in (-1, 1):
                raise unread("its softmax is not over the classes")
            self._last(self.value(last.input[0]))
        elif logit := self._complemented(last):
            self._decision(self.value(logit))
        else:
            self._last(self.value(name))

    def value(self, name: str) -> int:
        """Return the number of the value `name`, which is read if it was not yet."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            if current in self.numbers:
                waiting.pop()
                continue
            node = self._made(current)
            missing = [one for one in node.input if one and one not in self.constants and one not in self.numbers]
            if missing:
                waiting.extend(missing)
            else:
                self.numbers[current] = self._read(node)
            if len(waiting) > _MAX_STEPS:
                raise unread("its operators go round in a circle")
        return self.numbers[name]

    def add(self, operator: Affine | Bend, *reads: int) -> int:
        """Add a step; return the number of its value."""
        try:
            made = operator.forward(*(np.zeros((1, *self.shapes[number])) for number in reads))
        except (ValueError, IndexError) as error:
            raise unread(f"its operators do not fit together ({error})") from error
        self.steps.append(Step(operator, reads))
        self.shapes.append(made.shape[1:])
        return len(self.steps)

    def _made(self, name: str) -> Any:
        if name not in self.made_by:
            raise unread(f"nothing makes {name[:40]}")
        return self.made_by[name]

    def _last(self, number: int) -> None:
        """Make `number` the value of the last step."""
        if number != len(self.steps) or not self.steps:
            self.add(Reshape(self.shapes[number]), number)

    def _decision(self, number: int) -> None:
        """Make two scores, 0 and the logit, whose softmax are 1 - p and p."""
        self.add(Dense(np.array([[0.0, 1.0]]), np.zeros(2)), number)

    def _complemented(self, node: Any) -> str:
        """Return the logit if `node` is `Concat(1 - p, p)` of a sigmoid p; else nothing."""
        if node.op_type != "Concat" or len(node.input) != 2:
            return ""
        other, share = self.made_by.get(node.input[0]), self.made_by.get(node.input[1])
        if other is None or share is None or other.op_type != "Sub" or share.op_type != "Sigmoid":
            return ""
        one = self.constants.get(other.input[0])
        is_rest = one is not None and bool(np.all(one == 1)) and other.input[1] == node.input[1]
        return str(share.input[0]) if is_rest else ""

    def _read(self, node: Any) -> int:
        if node.domain not in ("", "ai.onnx", "ai.onnx.ml"):
            raise unread(f"the operator {node.domain[:40]}.{node.op_type[:40]} is not known here")
        attributes = _attributes(node)
        held = [self.constants[name] for name in node.input if name in self.constants]
        if any(one.dtype.kind not in "fiu" for one in held):
            raise unread(f"an operator {node.op_type[:40]} of it reads what are no numbers")
        reads = [self.numbers[name] for name in node.input if name and name not in self.constants]
        if not reads:
            raise unread(f"the operator {node.op_type[:40]} computes weights")
        if node.op_type in _SILENT:
            if node.op_type == "Cast" and attributes.get("to") not in _TYPES:
                raise unread("it rounds to another type (Cast)")
            return reads[0]
        if node.op_type in _BRANCHED and len(reads) > 1:
            return self.add(_BRANCHED[node.op_type](node, attributes, len(reads)), *reads)
        if node.op_type in ("Clip", "LeakyRelu") and len(reads) == 1:
            bent = self._two_sided if node.op_type == "Clip" else self._leaky
            return bent(attributes, held, reads[0])
        if node.op_type not in _KNOWN or len(reads) != 1:
            raise unread(f"the operator {node.op_type[:40]} is not known here")
        shape = self.shapes[reads[0]]
        is_turned = node.input[0] in self.constants
        made = _KNOWN[node.op_type](_Node(node.op_type, attributes, held, shape, is_turned))
        number = reads[0]
        for operator in made:
            number = self.add(operator, number)
        return number

    def _leaky(self, attributes: Mapping[str, Any], _: Sequence[Any], number: int) -> int:
        """Return `slope x + (1 - slope) relu(x)`."""
        slope, nothing = np.full(1, attributes.get("alpha", 0.01)), np.zeros(1)
        bent = self.add(Scale(1 - slope, nothing), self.add(Relu(), number))
        return self.add(Total((1.0, 1.0)), bent, self.add(Scale(slope, nothing), number))

    def _two_sided(self, attributes: Mapping[str, Any], held: Sequence[Any], number: int) -> int:
        """Return `low + relu(x - low) - relu(x - high)`, which is x between both."""
        ends = [float(one) for one in held or (attributes.get("min"), attributes.get("max")) if one is not None]
        if len(ends) != 2:
            raise unread("the operator Clip of it has one end only")
        one = np.ones(1)
        over = [self.add(Relu(), self.add(Scale(one, one * -end), number)) for end in ends]
        return self.add(Scale(one, one * ends[0]), self.add(Total((1.0, -1.0)), *over))


@dataclass(frozen=True, slots=True)
class _Node:
    """What an operator with one input of the row is read from."""

    name: str
    attributes: Mapping[str, Any]
    held: Sequence[Any]
    shape: Shape
    is_turned: bool
    """Whether the row is the second of its inputs."""


def _matrix(node: _Node) -> list[Affine | Bend]:
    weights, *bias = (np.asarray(one, dtype=np.float64) for one in node.held)
    if node.is_turned or node.attributes.get("transA", 0) or weights.ndim != 2:
        raise unread(f"the operator {node.name} of it has turned rows, or weights that are no matrix")
    weights = weights.T if node.attributes.get("transB", 0) else weights
    weights = weights * (node.attributes.get("alpha", 1.0) if node.name == "Gemm" else 1.0)
    shift = bias[0] * node.attributes.get("beta", 1.0) if bias else np.zeros(1)
    return [Dense(weights, np.broadcast_to(shift.ravel(), weights.shape[1:]).astype(np.float64))]


def _scale(node: _Node) -> list[Affine | Bend]:
    (found,) = node.held
    constant = np.asarray(found, dtype=np.float64)
    if constant.ndim > len(node.shape):
        constant = constant.reshape(constant.shape[constant.ndim - len(node.shape) :])
    if np.broadcast_shapes(constant.shape, node.shape) != tuple(node.shape):
        raise unread(f"a constant of an operator {node.name} does not fit a row")
    one, nothing = np.ones(1), np.zeros(1)
    if node.is_turned and node.name == "Div":
        raise unread("it divides by what a layer gives")
    if node.is_turned and node.name == "Sub":
        return [Scale(-one, constant)]
    pairs = {"Add": (one, constant), "Sub": (one, -constant), "Mul": (constant, nothing)}
    return [Scale(*(pairs[node.name] if node.name in pairs else (1 / constant, nothing)))]


def _scaler(node: _Node) -> list[Affine | Bend]:
    offset, factor = (np.asarray(node.attributes[name], dtype=np.float64) for name in ("offset", "scale"))
    return [Scale(factor, -offset * factor)]


def _normalisation(node: _Node) -> list[Affine | Bend]:
    gain, shift, mean, variance = (np.asarray(one, dtype=np.float64) for one in node.held)
    factor = gain / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    shape = (-1, *(1 for _ in node.shape[1:]))
    return [Scale(factor.reshape(shape), (shift - mean * factor).reshape(shape), fan_in=8)]


def _convolution(node: _Node) -> list[Affine | Bend]:
    weights, *bias = (np.asarray(one, dtype=np.float64) for one in node.held)
    if node.is_turned or weights.ndim != 4:
        raise unread("its convolutions are not over height and width")
    shift = bias[0] if bias else np.zeros(len(weights))
    groups = int(node.attributes.get("group", 1))
    return [Convolution(weights, shift, _windows(node, weights.shape[2:]), groups)]


def _average(node: _Node) -> list[Affine | Bend]:
    size = tuple(node.attributes["kernel_shape"])
    windows = _windows(node, size)
    if any(windows.pads) and not node.attributes.get("count_include_pad", 0):
        raise unread("the operator AveragePool of it leaves out what is padded")
    channels = node.shape[0]
    weights = np.full((channels, 1, *windows.size), 1 / (windows.size[0] * windows.size[1]))
    return [Convolution(weights, np.zeros(channels), windows, channels)]


def _windows(node: _Node, size: Sequence[int]) -> Windows:
    attributes = node.attributes
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or attributes.get("ceil_mode", 0):
        raise unread(f"the operator {node.name} of it pads by itself (auto_pad, ceil_mode)")
    if len(size) != 2 or len(node.shape) != 3:
        raise unread(f"the operator {node.name} of it is not over height and width")
    pairs = [tuple(attributes.get(name, (1, 1))) for name in ("strides", "dilations")]
    pads = tuple(attributes.get("pads", (0, 0, 0, 0)))
    return Windows((size[0], size[1]), (pairs[0][0], pairs[0][1]), (pads[0], pads[1], pads[2], pads[3]), pairs[1])


def _reshape(node: _Node) -> list[Affine | Bend]:
    (wanted,) = node.held
    first, *rest = (int(size) for size in np.asarray(wanted).ravel().tolist())
    # Where the number of rows is written down, it was one when the graph was made.
    if first not in (-1, 0, 1) or node.is_turned:
        raise unread("the operator Reshape of it mixes rows")
    sizes = [node.shape[place] if size == 0 else size for place, size in enumerate(rest)]
    count = int(np.prod(node.shape))
    if -1 in sizes:
        known = int(np.prod([size for size in sizes if size != -1]))
        sizes = [count // max(known, 1) if size == -1 else size for size in sizes]
    if int(np.prod(sizes)) != count:
        raise unread("the operator Reshape of it mixes rows")
    return [Reshape(tuple(sizes))]


def _flat(node: _Node) -> list[Affine | Bend]:
    if node.attributes.get("axis", 1) != 1:
        raise unread("the operator Flatten of it mixes rows")
    return [Reshape((int(np.prod(node.shape)),))]


def _transpose(node: _Node) -> list[Affine | Bend]:
    axes = tuple(node.attributes.get("perm", ()))
    if not axes or axes[0] != 0:
        raise unread("the operator Transpose of it moves rows")
    return [Transpose(axes)]


def _mean(node: _Node) -> list[Affine | Bend]:
    places = len(node.shape) + 1
    if node.name == "GlobalAveragePool":
        return [Mean(tuple(range(2, places)))]
    given = np.asarray(node.held[0]).ravel().tolist() if node.held else node.attributes.get("axes", ())
    axes = tuple(sorted(int(axis) % places for axis in given))
    if not axes or axes[0] == 0:
        raise unread("the operator ReduceMean of it mixes rows")
    kept = tuple(size for place, size in enumerate(node.shape, start=1) if place not in axes)
    return [Mean(axes), *([] if node.attributes.get("keepdims", 1) else [Reshape(kept)])]


_KNOWN: Mapping[str, Callable[[_Node], list[Affine | Bend]]] = {
    **dict.fromkeys(("Gemm", "MatMul"), _matrix),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _scale),
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean"), _mean),
    "Scaler": _scaler,
    "BatchNormalization": _normalisation,
    "Conv": _convolution,
    "AveragePool": _average,
    "MaxPool": lambda node: [MaxPool(_windows(node, node.attributes["kernel_shape"]))],
    "Relu": lambda _: [Relu()],
    "Sigmoid": lambda _: [Curve("sigmoid")],
    "Tanh": lambda _: [Curve("tanh")],
    "Reshape": _reshape,
    "Flatten": _flat,
    "Transpose": _transpose,
}

_BRANCHED: Mapping[str, Callable[[Any, Mapping[str, Any], int], Affine]] = {
    "Add": lambda _, __, count: Total((1.0,) * count),
    "Sub": lambda _, __, ___: Total((1.0, -1.0)),
    "Concat": lambda _, attributes, __: Joined(int(attributes["axis"])),
}


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    found = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}


def _constants(graph: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], one.t) for one in node.attribute if one.name == "value")
    return {name: numpy_helper.to_array(tensor) for name, tensor in found.items()}
