"""The submitted ONNX file itself, byte for byte; a network in fewer bits too."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.quantisation.precision import precision_variants, write_graph
from mltest.shared.native.onnx_on_gpu import ON_GPU


@exporter
class OnnxNative:
    """The baseline of every ONNX model."""

    needs = ExporterNeeds(
        name="onnx_native",
        runtimes=("onnxruntime",),
        network_runtimes=ON_GPU,
        formats={"onnx": "onnx"},
        takes="ONNX files",
        is_native=True,
        variants=precision_variants("network", "mlp", "cnn", "linear"),
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file, or write it in smaller numbers; open it once to see that it runs."""
        from mltest.shared.native.onnx_session import open_session

        write_graph(source.path.read_bytes(), source, target)
        return Exported(input_dtype=open_session(target, threads=1).input_dtype)
