"""Exported programs of PyTorch as ONNX graphs: one file, one input (rows, features), one output."""

from pathlib import Path
from typing import Any

from mltest.coordinator.builder.torch_parts import require
from mltest.shared.errors import ConversionError
from mltest.shared.native.torch_module import OpenedProgram, first_line, open_program, quiet

_CONVERTER = "torch.onnx"
_OPSET = 18
"""That in which the exporter writes; every ONNX Runtime since 1.14 runs it, also on boards."""
_INPUT, _OUTPUT, _SHAPED = "X", "scores", "mltest.rows"
_MAX_BYTES = (1 << 31) - 1
"""Of a protobuf message; a larger graph would need a second file."""


def torch_graph(path: Path) -> bytes:
    """Return the exported program in `path` as an ONNX file.

    Raises:
        ConversionError: PyTorch's exporter cannot, or is not installed here.

    """
    require("torch", "onnxscript", converter=_CONVERTER)
    opened = open_program(path)
    model = _exported(opened)
    _without_traces(model)
    _take_flat_rows(model.graph, opened)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _exported(opened: OpenedProgram) -> Any:
    import torch

    try:
        with quiet():
            made = torch.onnx.export(
                opened.program,
                dynamo=True,
                input_names=[_INPUT],
                output_names=[_OUTPUT],
                opset_version=_OPSET,
                external_data=False,
                verbose=False,
            )
        model = made.model_proto
    except MemoryError:
        raise
    except Exception as error:
        raise ConversionError(converter=_CONVERTER, detail=_explained(error)) from error
    if model.ByteSize() > _MAX_BYTES:
        raise ConversionError(converter=_CONVERTER, detail="it is too large for one file of ONNX (2 GiB)")
    return model


def _explained(error: Exception) -> str:
    """Return the innermost reason: those around it say at which step of the exporter it was."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return f"{type(error).__name__}: {first_line(error)}"


def _without_traces(model: Any) -> None:
    """Leave out where in which program something was written: the same model gives the same bytes."""
    del model.metadata_props[:]
    for graph in (model.graph, *model.functions):
        graph.ClearField("metadata_props")
        graph.ClearField("doc_string")
        for item in (*graph.node, *graph.value_info):
            item.ClearField("metadata_props")
            item.ClearField("doc_string")
    for item in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    model.opset_import.sort(key=lambda opset: opset.domain)


def _take_flat_rows(graph: Any, opened: OpenedProgram) -> None:
    """Let the graph take (rows, features), whatever shape a row has inside."""
    import numpy as np
    from onnx import helper, numpy_helper

    (taken,) = (item for item in graph.input if item.name == _INPUT)
    facts = opened.facts
    if len(facts.row_shape) > 1:
        for node in graph.node:
            node.input[:] = [_SHAPED if name == _INPUT else name for name in node.input]
        graph.initializer.append(numpy_helper.from_array(np.array((-1, *facts.row_shape)), f"{_SHAPED}.shape"))
        graph.node.insert(0, helper.make_node("Reshape", [_INPUT, f"{_SHAPED}.shape"], [_SHAPED]))
    rows = taken.type.tensor_type.shape.dim[0].dim_param or "rows"
    flat = helper.make_tensor_value_info(_INPUT, taken.type.tensor_type.elem_type, [rows, facts.feature_count])
    taken.CopyFrom(flat)
