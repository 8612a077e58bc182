"""The scikit-learn model itself, as submitted byte for byte: skops stays skops, a pickle stays a pickle."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.native_file import write_native


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
        """Copy the file, or save what a transform made."""
        write_native(source, target)
        assert source.native is not None
        return Exported(input_dtype=source.native.input_dtype)
