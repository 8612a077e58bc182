"""Graphs with float16 weights and arithmetic between the layers; input and output stay float32.

A processor without float16 arithmetic computes in float32 between two roundings.
"""

from pathlib import Path

from mltest.coordinator.builder.quantisation.weights import prepared
from mltest.shared.errors import ConversionError

_NAME = "onnxruntime.transformers.float16"
_LINE_LENGTH = 200


def float16(graph_file: bytes, target: Path) -> None:
    """Write the graph with float16 weights.

    Raises:
        ConversionError: it has no weights to make smaller, or ONNX Runtime cannot.

    """
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = prepared(graph_file)
    try:
        made = ONNXModel(convert_float_to_float16(model, keep_io_types=True))
        # It puts what turns the input into float16 behind the nodes that use it.
        made.topological_sort()
    except MemoryError:
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:_LINE_LENGTH]
        raise ConversionError(converter=_NAME, detail=f"{type(error).__name__}: {line}") from error
    target.write_bytes(made.model.SerializeToString(deterministic=True))
