"""Linear models, support vector machines and small networks to C of this project's own, which agents compile."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.variant import Variant

_MAX_WEIGHTS = 1_000_000
"""A compiler takes half a minute, and a gigabyte of memory, for more."""
_NUMBERS, _MACHINE, _DEFAULT_MACHINE = "numbers", "machine", "any"
_FAST = {"optimise": "O3"}
"""Loops are made for several numbers at once from there on."""


@exporter
class CNetworkExport:
    """Writes one file in C11, which needs nothing but a compiler."""

    needs = ExporterNeeds(
        name="c_network_export",
        runtimes=("c",),
        formats=dict.fromkeys(("skops", "pickle", "onnx"), "c-source"),
        families=("linear", "svm", "mlp", "network"),
        takes="linear models, support vector machines and perceptrons of scikit-learn, ONNX networks of dense layers",
        variants=(
            Variant(name="double", options={**_FAST, _NUMBERS: "double"}),
            Variant(name="double native", options={**_FAST, _NUMBERS: "double", _MACHINE: "native"}),
            Variant(name="float", options={**_FAST, _NUMBERS: "float"}),
            Variant(name="float native", options={**_FAST, _NUMBERS: "float", _MACHINE: "native"}),
            Variant(
                name="int8",
                options={**_FAST, _NUMBERS: "int8"},
                is_lossy=True,
                families=("linear", "mlp", "network"),
            ),
        ),
        packages=("scikit-learn", "onnx"),
        is_single_threaded=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Read the network, and print it."""
        from mltest.coordinator.builder.c_source.network.numbers import in_eight_bits, in_single_precision
        from mltest.coordinator.builder.c_source.network.read_network import read_network
        from mltest.coordinator.builder.c_source.network.refusal import refusal
        from mltest.coordinator.builder.c_source.network.source import MAX_ROW_BYTES, network_source, row_bytes

        numbers = source.options.get(_NUMBERS, "double")
        network = read_network(source, folds=numbers != "int8")
        if numbers != "double":
            network = in_eight_bits(network) if numbers == "int8" else in_single_precision(network)
        machine = source.options.get(_MACHINE, _DEFAULT_MACHINE)
        if network.weight_count > _MAX_WEIGHTS:
            raise refusal(f"a compiler takes too long for {network.weight_count} weights (at most {_MAX_WEIGHTS})")
        if row_bytes(network, machine) > MAX_ROW_BYTES:
            raise refusal(f"a row needs {row_bytes(network, machine)} bytes of stack (at most {MAX_ROW_BYTES})")
        target.write_text(network_source(network, machine), encoding="ascii")
        return Exported(input_dtype=network.input_type)
