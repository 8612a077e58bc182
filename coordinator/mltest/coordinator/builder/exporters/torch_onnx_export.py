"""Exported programs of PyTorch to ONNX; a network in fewer bits too."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.quantisation.precision import precision_variants, write_graph
from mltest.shared.errors import ConversionError, MltestError
from mltest.shared.native.onnx_on_gpu import ON_GPU


@exporter
class TorchOnnxExport:
    """Made by PyTorch's own exporter, with rows as flat as they are in the data."""

    needs = ExporterNeeds(
        name="torch_onnx_export",
        runtimes=("onnxruntime",),
        network_runtimes=ON_GPU,
        formats={"pt2": "onnx"},
        takes="exported programs of PyTorch",
        variants=precision_variants("network", "linear"),
        packages=("torch", "onnxscript", "onnx-ir"),
        extra="builder-torch",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, and open the result once to see that it runs."""
        from mltest.coordinator.builder.torch_graph import torch_graph
        from mltest.shared.native.onnx_session import open_session

        write_graph(torch_graph(source.path), source, target)
        try:
            return Exported(input_dtype=open_session(target, threads=1).input_dtype)
        except MltestError as error:
            raise ConversionError(converter="torch.onnx", detail=error.message) from error
