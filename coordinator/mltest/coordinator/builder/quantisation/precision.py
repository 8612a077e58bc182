"""In which numbers the ONNX exporters write a graph; nothing heavy is imported before one is written."""

from pathlib import Path

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.variant import Variant

_OPTION = "precision"
_DYNAMIC_INT8, _STATIC_INT8, _FLOAT16 = "int8-dynamic", "int8-static", "float16"


def precision_variants(*families: str) -> tuple[Variant, ...]:
    """Return the plain way to write a graph, and the lossy ones for networks of `families`."""
    return (
        Variant(),
        Variant(
            name="int8",
            options={_OPTION: _STATIC_INT8},
            is_lossy=True,
            families=families,
            uses_rows=True,
            is_for_processors=True,
        ),
        Variant(
            name="int8 dynamic",
            options={_OPTION: _DYNAMIC_INT8},
            is_lossy=True,
            families=families,
            varies_with_batch=True,
            is_for_processors=True,
        ),
        Variant(name="fp16", options={_OPTION: _FLOAT16}, is_lossy=True, families=families),
    )


def write_graph(graph_file: bytes, source: ExportSource, target: Path) -> None:
    """Write the graph in the numbers that `source.options` ask for.

    Raises:
        ConversionError: why it cannot be written so.

    """
    precision = source.options.get(_OPTION, "")
    if precision == _STATIC_INT8:
        from mltest.coordinator.builder.quantisation.int8 import static_int8
        from mltest.coordinator.builder.surgery.selection import read_half

        assert source.rows is not None
        static_int8(graph_file, target, read_half(source.rows).rows)
    elif precision == _DYNAMIC_INT8:
        from mltest.coordinator.builder.quantisation.int8 import dynamic_int8

        dynamic_int8(graph_file, target)
    elif precision == _FLOAT16:
        from mltest.coordinator.builder.quantisation.float16 import float16

        float16(graph_file, target)
    else:
        target.write_bytes(graph_file)
