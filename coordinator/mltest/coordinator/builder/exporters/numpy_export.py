"""Linear models of scikit-learn to their weights, with the scalers before them folded in."""

from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel


@exporter
class NumpyExport:
    """Takes whatever answers with a link of one matrix product, and shows that it does."""

    needs = ExporterNeeds(
        name="numpy_export",
        runtimes=("numpy",),
        formats={"skops": "linear-npz", "pickle": "linear-npz"},
        families=("linear", "svm"),
        takes="linear models of scikit-learn",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Write the weights."""
        from mltest.coordinator.builder.linear_weights import linear_form_of
        from mltest.shared.native.linear_form import save_linear_form

        native: NativeModel | None = source.native
        assert native is not None
        save_linear_form(target, linear_form_of(native))
        return Exported(input_dtype="float64")
