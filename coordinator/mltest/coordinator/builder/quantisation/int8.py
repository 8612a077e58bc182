"""Graphs with int8 weights, by ONNX Runtime.

Weights take seven bits: with eight, processors that add products of bytes in 16 bits (AVX2, AVX-512 without VNNI)
overflow where others do not, and the same artifact would answer differently on them.

Source: onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "When and why do I need to try U8U8".
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.quantisation.weights import LAYERS, prepared
from mltest.shared.errors import ConversionError, MltestError

_NAME = "onnxruntime.quantization"
_CALIBRATION_ROWS = 1024
_LINE_LENGTH = 200


def dynamic_int8(graph_file: bytes, target: Path) -> None:
    """Write the graph with int8 weights; what goes into a layer is scaled anew in each call, over all its rows.

    So a row's answer depends a little on the rows that are asked for together with it.

    Raises:
        ConversionError: it has no weights to make smaller, or ONNX Runtime cannot.

    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    def quantise(model: Any) -> None:
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=list(LAYERS),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )

    _write(graph_file, target, quantise)


def static_int8(graph_file: bytes, target: Path, rows: NDArray[np.floating]) -> None:
    """Write the graph with int8 weights for each channel, and fixed scales for what goes into a layer, from `rows`.

    `rows` (rows, features) are calibrated on; at most 1,024 of them, spread evenly.

    Raises:
        ConversionError: it has no weights to make smaller, or ONNX Runtime cannot.

    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    def quantise(model: Any) -> None:
        quantize_static(
            model,
            target,
            _calibration(model, rows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(LAYERS),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )

    _write(graph_file, target, quantise)


def _write(graph_file: bytes, target: Path, quantise: Callable[[Any], None]) -> None:
    """Call `quantise` with the graph, and write what it wrote again, always as the same bytes."""
    import onnx
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = prepared(graph_file)
    # Without this mark it advises on the root logger to let it rearrange the graph.
    add_pre_process_metadata(model)
    try:
        quantise(model)
        made = onnx.load(target)
    except (MltestError, MemoryError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:_LINE_LENGTH]
        raise ConversionError(converter=_NAME, detail=f"{type(error).__name__}: {line}") from error
    del made.metadata_props[:]
    target.write_bytes(made.SerializeToString(deterministic=True))


def _calibration(model: Any, rows: NDArray[np.floating]) -> Any:
    from onnx.helper import tensor_dtype_to_np_dtype
    from onnxruntime.quantization import CalibrationDataReader

    constants = {tensor.name for tensor in model.graph.initializer}
    graph_input = next(found for found in model.graph.input if found.name not in constants)
    dtype = tensor_dtype_to_np_dtype(graph_input.type.tensor_type.elem_type)
    picked = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _CALIBRATION_ROWS)).astype(np.int64))

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
        def __init__(self) -> None:
            self._batches: Iterator[Any] = iter([{graph_input.name: rows[picked].astype(dtype)}])

        def get_next(self) -> Any:
            return next(self._batches, None)

    return Reader()
