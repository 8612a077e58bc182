"""What a transform changed is written, exported and identified as what it became."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.exporters.skops_native import SkopsNative
from mltest.coordinator.builder.native_file import write_native
from mltest.coordinator.builder.opened_model import open_native
from mltest.coordinator.builder.transforms.registry import transformed
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import describe_estimator
from tests.contract.artifacts import source_of
from tests.contract.tiny_models import tiny_model

MODEL = "forest, three classes"


@pytest.mark.parametrize("file_format", ["skops", "pickle"])
def test_a_changed_model_is_saved_in_its_own_format(file_format: str, tmp_path: Path) -> None:
    source = _with_fewer_trees(source_of(MODEL, tmp_path))
    source = replace(source, info=replace(source.info, format=file_format))
    target = tmp_path / "artifact"
    write_native(source, target)
    native, _ = open_native(target, file_format, allows_pickle=True)
    assert source.native is not None
    rows = tiny_model(MODEL).rows
    found = native.predictions(native.prepare(rows)).scores
    expected = source.native.predictions(source.native.prepare(rows)).scores
    assert found is not None
    assert expected is not None
    np.testing.assert_array_equal(found, expected)
    assert len(native.estimator.estimators_) == 1


def test_a_model_as_submitted_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source = source_of(MODEL, tmp_path)
    SkopsNative().export(source, tmp_path / "artifact")
    assert (tmp_path / "artifact").read_bytes() == source.path.read_bytes()


def test_a_format_that_nothing_writes_is_refused(tmp_path: Path) -> None:
    source = _with_fewer_trees(source_of(MODEL, tmp_path))
    with pytest.raises(ConversionError, match="nothing here writes other files"):
        write_native(replace(source, info=replace(source.info, format="other")), tmp_path / "artifact")


def test_a_transform_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="no-such-transform 3"):
        transformed(source_of(MODEL, tmp_path), "no-such-transform 3", tmp_path / "file")


def _with_fewer_trees(source: ExportSource) -> ExportSource:
    assert source.native is not None
    estimator = copy.deepcopy(source.native.estimator)
    estimator.estimators_ = estimator.estimators_[:1]
    estimator.n_estimators = 1
    return replace(source, native=describe_estimator(estimator), is_transformed=True)
