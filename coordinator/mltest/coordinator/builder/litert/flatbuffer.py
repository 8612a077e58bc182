"""Writes a graph as a LiteRT file; in the builder's child only.

Source: schema.fbs of LiteRT 2.3 (version 3 of the schema, file identifier TFL3); numbers of fields are positions there.
"""

from collections.abc import Sequence
from typing import Any, Literal

from mltest.coordinator.builder.litert.graph import Code, Graph, Operator, Tensor

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_CONTENT_ALIGNMENT = 16
"""Bytes; force_align of Buffer.data."""
_NO_CONTENT = 0
"""The first buffer is empty by convention: that of values which are computed."""
_OPTIONS = {
    Code.ADD: (11, 3),
    Code.FULLY_CONNECTED: (8, 6),
    Code.MUL: (21, 1),
    Code.SOFTMAX: (9, 1),
    Code.SUB: (28, 3),
}
"""Type in BuiltinOptions and number of fields; all of them stay at their defaults but those of SOFTMAX."""
_BETA = 1.0
"""What SOFTMAX multiplies its input by; the default would be 0."""

_Kind = Literal["Uint32", "Int32", "Int8", "Uint8", "Float32", "UOffsetTRelative"]
_Field = tuple[int, _Kind, float]


def file_of(graph: Graph) -> bytes:
    """Return the file of `graph`; the same graph gives the same bytes."""
    import flatbuffers

    size = sum(tensor.content.nbytes for tensor in graph.tensors if tensor.content is not None)
    builder: Any = flatbuffers.Builder(size + 4096)
    constants = [tensor for tensor in graph.tensors if tensor.content is not None]
    buffers = [_table(builder, 3), *(_buffer(builder, tensor) for tensor in constants)]
    codes = list(dict.fromkeys(operator.code for operator in graph.operators))
    model = _table(
        builder,
        10,
        (4, "UOffsetTRelative", _tables(builder, buffers)),
        (2, "UOffsetTRelative", _tables(builder, [_subgraph(builder, graph, constants, codes)])),
        (1, "UOffsetTRelative", _tables(builder, [_code(builder, code) for code in codes])),
        (3, "UOffsetTRelative", builder.CreateString("mltest")),
        (0, "Uint32", _SCHEMA_VERSION),
    )
    builder.Finish(model, _IDENTIFIER)
    return bytes(builder.Output())


def _subgraph(builder: Any, graph: Graph, constants: Sequence[Tensor], codes: Sequence[Code]) -> int:
    numbers = {id(tensor): place for place, tensor in enumerate(constants, start=1)}
    tensors = [_tensor(builder, tensor, numbers.get(id(tensor), _NO_CONTENT)) for tensor in graph.tensors]
    operators = [_operator(builder, operator, codes.index(operator.code)) for operator in graph.operators]
    return _table(
        builder,
        6,
        (0, "UOffsetTRelative", _tables(builder, tensors)),
        (1, "UOffsetTRelative", _integers(builder, [0])),
        (2, "UOffsetTRelative", _integers(builder, [graph.last])),
        (3, "UOffsetTRelative", _tables(builder, operators)),
        (4, "UOffsetTRelative", builder.CreateString("main")),
    )


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    """Write a tensor of float32, whose number in TensorType is the default; -1 stands for any number of rows."""
    shape = (1, tensor.width) if tensor.content is None else tensor.content.shape
    fields: list[_Field] = [
        (0, "UOffsetTRelative", _integers(builder, shape)),
        (3, "UOffsetTRelative", builder.CreateString(tensor.name)),
        (2, "Uint32", buffer),
    ]
    if tensor.content is None:
        fields.append((7, "UOffsetTRelative", _integers(builder, (-1, tensor.width))))
    return _table(builder, 11, *fields)


def _operator(builder: Any, operator: Operator, code_index: int) -> int:
    fields: list[_Field] = [
        (0, "Uint32", code_index),
        (1, "UOffsetTRelative", _integers(builder, operator.inputs)),
        (2, "UOffsetTRelative", _integers(builder, [operator.output])),
    ]
    if operator.code in _OPTIONS:
        kind, field_count = _OPTIONS[operator.code]
        changed: list[_Field] = [(0, "Float32", _BETA)] if operator.code is Code.SOFTMAX else []
        fields += [(3, "Uint8", kind), (4, "UOffsetTRelative", _table(builder, field_count, *changed))]
    return _table(builder, 14, *fields)


def _code(builder: Any, code: Code) -> int:
    """Write an operator code, in the old field too, which readers before 2.4 know; its version is the default, 1."""
    return _table(builder, 4, (0, "Int8", code.value), (3, "Int32", code.value))


def _buffer(builder: Any, tensor: Tensor) -> int:
    assert tensor.content is not None
    content = tensor.content.astype("<f4").tobytes()
    builder.StartVector(1, len(content), _CONTENT_ALIGNMENT)
    builder.head = builder.Head() - len(content)
    builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
    return _table(builder, 3, (0, "UOffsetTRelative", builder.EndVector()))


def _table(builder: Any, field_count: int, *fields: _Field) -> int:
    builder.StartObject(field_count)
    for number, kind, value in fields:
        getattr(builder, f"Prepend{kind}Slot")(number, value, 0)
    offset: int = builder.EndObject()
    return offset


def _tables(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    end: int = builder.EndVector()
    return end


def _integers(builder: Any, values: Sequence[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    end: int = builder.EndVector()
    return end
