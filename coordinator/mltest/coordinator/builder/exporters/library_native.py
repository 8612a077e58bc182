"""The submitted XGBoost, LightGBM or CatBoost model itself, byte for byte."""

import shutil
from pathlib import Path

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource


class _Copy:
    """Takes the file as it is."""

    input_dtype: str

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Copy the file."""
        shutil.copyfile(source.path, target)
        return Exported(input_dtype=self.input_dtype)


@exporter
class XGBoostNative(_Copy):
    """The baseline of every XGBoost model; XGBoost rounds every value to float32 itself."""

    needs = ExporterNeeds(
        name="xgboost_native",
        runtimes=("xgboost",),
        formats={"xgboost-json": "xgboost-json", "xgboost-ubj": "xgboost-ubj"},
        takes="XGBoost models",
        is_native=True,
    )
    input_dtype = "float32"


@exporter
class LightGbmNative(_Copy):
    """The baseline of every LightGBM model, which compares in float64."""

    needs = ExporterNeeds(
        name="lightgbm_native",
        runtimes=("lightgbm",),
        formats={"lightgbm": "lightgbm"},
        takes="LightGBM models",
        is_native=True,
    )
    input_dtype = "float64"


@exporter
class CatBoostNative(_Copy):
    """The baseline of every CatBoost model; CatBoost rounds every value to float32 itself."""

    needs = ExporterNeeds(
        name="catboost_native",
        runtimes=("catboost",),
        formats={"catboost": "catboost"},
        takes="CatBoost models",
        is_native=True,
    )
    input_dtype = "float32"
