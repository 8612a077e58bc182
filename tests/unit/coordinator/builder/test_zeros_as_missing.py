"""Converters that do not know that LightGBM may take zeros for missing values refuse such models by name."""

from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.exporters.c_export import CExport
from mltest.coordinator.builder.exporters.onnx_export import OnnxExport
from mltest.coordinator.builder.exporters.role import Exporter, ExportSource
from mltest.coordinator.builder.exporters.treelite_export import TreeliteExport
from mltest.coordinator.builder.opened_model import opened_library_model
from mltest.shared.errors import ConversionError
from mltest.shared.native.lightgbm_file import read_lightgbm


@pytest.mark.parametrize("exporter", [TreeliteExport(), OnnxExport(), CExport()], ids=lambda one: one.needs.name)
def test_a_converter_that_ignores_zeros_as_missing_refuses_the_model(exporter: Exporter, tmp_path: Path) -> None:
    path = trained(tmp_path / "model.txt", zero_as_missing=True)
    source = ExportSource(path=path, info=opened_library_model(path, "lightgbm").info, native=None)
    with pytest.raises(ConversionError, match="zero_as_missing"):
        exporter.export(source, tmp_path / "made")


def test_nan_as_missing_is_not_taken_for_it(tmp_path: Path) -> None:
    assert not read_lightgbm(trained(tmp_path / "model.txt", zero_as_missing=False)).has_zeros_missing


def trained(path: Path, *, zero_as_missing: bool) -> Path:
    lightgbm = pytest.importorskip("lightgbm", reason="pip install 'mltest-fleet[builder-boosting]'")
    random = np.random.default_rng(0)
    rows = np.where(random.random((200, 3)) < 0.4, 0.0, random.normal(size=(200, 3)))
    values = np.where(rows[:, 0] == 0, 2.0, rows[:, 0])
    params = {"zero_as_missing": zero_as_missing, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    rows[::9, 1] = np.nan
    lightgbm.train(params, lightgbm.Dataset(rows, values), num_boost_round=3).save_model(path)
    return path
