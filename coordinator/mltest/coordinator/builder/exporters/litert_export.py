"""Small networks to files of LiteRT, which this project writes itself: no converter of others is needed."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError


@exporter
class LiteRtExport:
    """Writes chains of dense layers in float32."""

    needs = ExporterNeeds(
        name="litert_export",
        runtimes=("litert",),
        formats=dict.fromkeys(("skops", "pickle", "onnx", "pt2"), "tflite"),
        families=("mlp", "network"),
        takes="perceptrons of scikit-learn, and ONNX and PyTorch networks that are one chain of dense layers",
        packages=("flatbuffers", "scikit-learn", "onnx"),
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Read the network, and write it."""
        from mltest.coordinator.builder.c_source.network.read_network import read_network
        from mltest.coordinator.builder.c_source.network.refusal import CONVERTER
        from mltest.coordinator.builder.litert.flatbuffer import file_of
        from mltest.coordinator.builder.litert.network_graph import network_graph
        from mltest.coordinator.builder.litert.refusal import refusal

        try:
            network = read_network(source)
        except ConversionError as error:
            if error.facts.get("converter") != CONVERTER:
                raise
            # The reader speaks for the printer of C, which it was made for.
            raise refusal(str(error.facts["detail"])) from error
        target.write_bytes(file_of(network_graph(network, has_labels=source.info.task is Task.CLASSIFICATION)))
        return Exported(input_dtype="float32")
