"""LightGBM models as LightGBM wrote them, where lleaves compiles what they mean; the agent compiles."""

from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.shared.errors import ConversionError

OBJECTIVES = (
    *("binary", "multiclass", "cross_entropy", "xentropy", "cross_entropy_lambda", "xentlambda"),
    *("regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"),
    *("lambdarank", "rank_xendcg"),
)
"""Whose links lleaves knows (compiler/codegen/codegen.py of lleaves 1.3)."""

_CATEGORIES = "pandas_categorical:"
"""Line that LightGBM's package for Python writes last, and without which lleaves refuses a file."""


@exporter
class LleavesExport:
    """Copies the file, unless lleaves would leave something of it out."""

    needs = ExporterNeeds(
        name="lleaves_export",
        runtimes=("lleaves",),
        formats={"lightgbm": "lightgbm"},
        families=("boosting", "forest"),
        takes="LightGBM models",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Check what the file says, and copy it."""
        from mltest.shared.native.lightgbm_file import read_lightgbm

        text = read_lightgbm(source.path)
        if text.has_linear_leaves:
            raise _refusal("it leaves the linear models of leaves out (linear_tree=True of LightGBM)")
        if text.objective not in OBJECTIVES:
            raise _refusal(f"it knows no link of {text.objective or 'a model without objective'}")
        if text.is_forest and int(text.header["num_class"]) > 1:
            raise _refusal("it averages the trees of the first class only")
        target.write_text(_with_categories(source.path.read_text()))
        return Exported(input_dtype="float64")


def _with_categories(text: str) -> str:
    is_there = text.rstrip().rpartition("\n")[2].startswith(_CATEGORIES)
    return text if is_there else f"{text.rstrip()}\n\n{_CATEGORIES}null\n"


def _refusal(detail: str) -> ConversionError:
    return ConversionError(converter="lleaves", detail=detail)
