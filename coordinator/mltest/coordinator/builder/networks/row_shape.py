"""In which shape a model takes a row, where its file says so."""

from typing import Any

from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.networks.operators import Shape
from mltest.shared.model_format import PT2

_IMAGE = 3
"""Channels, height, width."""


def image_shape(evidence: ModelEvidence) -> Shape:
    """Return (channels, height, width) if the model takes a row so; else ()."""
    if evidence.model.format == PT2:
        from mltest.shared.native.pt2_archive import read_program

        shape = read_program(evidence.path).facts.row_shape
    elif evidence.native is None and evidence.model.format == "onnx":
        shape = _first_shape(evidence)
    else:
        return ()
    return shape if len(shape) == _IMAGE else ()


def _first_shape(evidence: ModelEvidence) -> Shape:
    """Return the constant shape that a graph gives its rows first of all."""
    import onnx

    graph = onnx.load_model(str(evidence.path), load_external_data=False).graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        held.update(
            (node.output[0], one.t) for one in node.attribute if node.op_type == "Constant" and one.name == "value"
        )
    name = next(one.name for one in graph.input if one.name not in held)
    readers = [node for node in graph.node if name in node.input]
    while len(readers) == 1 and readers[0].op_type in ("Identity", "Cast"):
        name = readers[0].output[0]
        readers = [node for node in graph.node if name in node.input]
    if len(readers) != 1 or readers[0].op_type != "Reshape" or readers[0].input[1] not in held:
        return ()
    return _whole(onnx.numpy_helper.to_array(held[readers[0].input[1]]).tolist(), evidence.model.feature_count)


def _whole(sizes: Any, feature_count: int) -> Shape:
    """Return the sizes behind the first, with that which is left open; () where they do not fit a row."""
    shape = [int(size) for size in sizes][1:]
    known = 1
    for size in shape:
        known *= size if size > 0 else 1
    shape = [feature_count // known if size == -1 else size for size in shape]
    count = 1
    for size in shape:
        count *= size
    return tuple(shape) if count == feature_count and shape.count(0) == 0 else ()
