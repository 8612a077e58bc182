"""The submitted ONNX file itself, byte for byte."""

import shutil
from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource


@exporter
class OnnxNative:
    """The baseline of every ONNX model."""

    needs = ExporterNeeds(
        name="onnx_native",
        runtimes=("onnxruntime",),
        formats={"onnx": "onnx"},
        takes="ONNX files",
        is_native=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file."""
        from mltest.shared.native.onnx_session import open_session

        shutil.copyfile(source.path, target)
        return Exported(input_dtype=open_session(target, threads=1).input_dtype)
