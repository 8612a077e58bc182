"""Networks to ONNX as OpenVINO takes it: one output, and no operator that only classical models have."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.exporters.onnx_export import onnx_bytes
from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError
from mltest.shared.model_format import PT2

_CONVERTER = "the exporter to OpenVINO"
_DTYPES = {1: "float32", 11: "float64"}
"""TensorProto.DataType."""
_CLASSICAL = "ai.onnx.ml"


@exporter
class OpenVinoExport:
    """Cuts off how a graph finds the label by its scores, and spells out scalers."""

    needs = ExporterNeeds(
        name="openvino_export",
        runtimes=("openvino",),
        formats={"skops": "onnx", "pickle": "onnx", "onnx": "onnx", "pt2": "onnx"},
        families=("mlp", "network", "cnn"),
        packages=("onnx", "skl2onnx"),
        takes="networks (it has no operators for trees, linear models and support vectors)",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, then cut."""
        import onnx

        model = onnx.load_from_string(_graph_file(source))
        _keep_scores(model.graph, has_labels=source.info.task is Task.CLASSIFICATION)
        _spell_out_scalers(model.graph)
        _refuse_classical(model.graph)
        target.write_bytes(model.SerializeToString(deterministic=True))
        constants = {tensor.name for tensor in model.graph.initializer}
        (wanted,) = (one for one in model.graph.input if one.name not in constants)
        return Exported(input_dtype=_DTYPES[wanted.type.tensor_type.elem_type])


def _graph_file(source: ExportSource) -> bytes:
    from mltest.coordinator.builder.torch_graph import torch_graph

    if source.native is not None:
        return onnx_bytes(source.native)
    return torch_graph(source.path) if source.info.format == PT2 else source.path.read_bytes()


def _keep_scores(graph: Any, *, has_labels: bool) -> None:
    """Leave the first output of real numbers, and what it needs."""
    scores = [output for output in graph.output if output.type.tensor_type.elem_type in _DTYPES]
    if not scores:
        raise ConversionError(converter=_CONVERTER, detail="the graph gives labels, and no scores to take them from")
    dimensions = scores[0].type.tensor_type.shape.dim
    if has_labels and dimensions and dimensions[-1].dim_value == 1:
        detail = "the graph gives one score for two classes, and the label only by operators that OpenVINO lacks"
        raise ConversionError(converter=_CONVERTER, detail=detail)
    needed, kept = {scores[0].name}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_read_by(node))
    _replace(graph.node, kept[::-1])
    _replace(graph.output, scores[:1])
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])


def _read_by(node: Any) -> Iterator[str]:
    """Yield what a node reads, also in the graphs of its branches and loops."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            for inner in graph.node:
                yield from _read_by(inner)
            yield from (output.name for output in graph.output)


def _spell_out_scalers(graph: Any) -> None:
    """Replace each Scaler, (x - offset) * scale, by the two operations that it stands for."""
    import numpy as np
    from onnx import helper, numpy_helper

    nodes = []
    for index, node in enumerate(graph.node):
        if (node.domain, node.op_type) != (_CLASSICAL, "Scaler"):
            nodes.append(node)
            continue
        values = {attribute.name: np.array(attribute.floats, dtype=np.float32) for attribute in node.attribute}
        names = [f"{_CLASSICAL}.scaler.{index}.{part}" for part in ("offset", "scale", "moved")]
        graph.initializer.append(numpy_helper.from_array(values["offset"], names[0]))
        graph.initializer.append(numpy_helper.from_array(values["scale"], names[1]))
        nodes.append(helper.make_node("Sub", [node.input[0], names[0]], [names[2]]))
        nodes.append(helper.make_node("Mul", [names[2], names[1]], list(node.output)))
    _replace(graph.node, nodes)


def _refuse_classical(graph: Any) -> None:
    for node in graph.node:
        if node.domain == _CLASSICAL:
            detail = f"OpenVINO has no operator {_CLASSICAL}.{node.op_type}"
            raise ConversionError(converter=_CONVERTER, detail=detail)


def _replace(field: Any, values: list[Any]) -> None:
    copies = [type(value)() for value in values]
    for copy, value in zip(copies, values, strict=True):
        copy.CopyFrom(value)
    del field[:]
    field.extend(copies)
