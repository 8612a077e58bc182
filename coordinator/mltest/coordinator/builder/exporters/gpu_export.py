"""Perceptrons of scikit-learn to ONNX as providers for GPUs take it: scores only, and operators of networks only."""

from pathlib import Path

from mltest.coordinator.builder.exporters.openvino_export import OpenVinoExport
from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.native.onnx_on_gpu import ON_GPU


@exporter
class GpuExport:
    """The graph that OpenVINO gets: what finds the label by the scores has no kernels for GPUs either."""

    needs = ExporterNeeds(
        name="gpu_export",
        runtimes=ON_GPU,
        # Networks of the last two formats have exporters of their own; other models are refused by their family.
        formats=dict.fromkeys(("skops", "pickle", "onnx", "pt2"), "onnx"),
        families=("mlp",),
        packages=("onnx", "skl2onnx"),
        takes="networks: perceptrons of scikit-learn, ONNX files and exported programs of PyTorch",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, then cut."""
        return OpenVinoExport().export(source, target)
