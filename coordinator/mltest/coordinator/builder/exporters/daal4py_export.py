"""Tree ensembles to treelite checkpoints that daal4py can represent."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.exporters.treelite_export import TreeliteExport
from mltest.shared.errors import ConversionError


@exporter
class Daal4pyExport:
    """Makes the checkpoint as it is made for treelite; the conversion to oneDAL's trees is the agent's."""

    needs = ExporterNeeds(
        name="daal4py_export",
        runtimes=("daal4py",),
        formats=TreeliteExport.needs.formats,
        families=("forest", "boosting", "tree"),
        packages=("treelite",),
        takes="tree ensembles: boosting, forests of at most two classes, one target",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, unless oneDAL has no such ensemble."""
        if source.info.family != "boosting" and len(source.info.classes) > 2:
            detail = f"it has no forests of more than two classes, this one has {len(source.info.classes)}"
            raise ConversionError(converter="daal4py", detail=detail)
        if source.native is not None and getattr(source.native.estimator, "n_outputs_", 1) > 1:
            raise ConversionError(converter="daal4py", detail="it has no forests with several targets")
        made = TreeliteExport().export(source, target)
        rounds = made.options.get("rounds_to_float32") == "true"
        return Exported(input_dtype="float32" if rounds else made.input_dtype, options=made.options)
