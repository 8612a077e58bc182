"""The submitted scikit-learn model itself, byte for byte: skops stays skops, a pickle stays a pickle."""

import shutil
from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource


@exporter
class SkopsNative:
    """The baseline of every scikit-learn model."""

    needs = ExporterNeeds(
        name="skops_native",
        runtimes=("scikit-learn",),
        formats={"skops": "skops", "pickle": "pickle"},
        takes="scikit-learn models",
        is_native=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file."""
        shutil.copyfile(source.path, target)
        return Exported(input_dtype="float64")
