"""Files of LightGBM as lleaves takes them."""

from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.builder.exporters.lleaves_export import LleavesExport
from mltest.shared.errors import ConversionError
from tests.contract.artifacts import source_of

NAME = "lightgbm, two classes"


def test_a_file_of_the_package_for_python_stays_as_it_is(tmp_path: Path) -> None:
    source, target = source_of(NAME, tmp_path), tmp_path / "artifact"
    LleavesExport().export(source, target)
    assert target.read_bytes() == source.path.read_bytes()


def test_a_file_without_the_line_that_lleaves_looks_for_gets_it(tmp_path: Path) -> None:
    source, target = source_of(NAME, tmp_path), tmp_path / "artifact"
    text = source.path.read_text()
    bare = text[: text.index("pandas_categorical:")]
    source.path.write_text(bare)
    LleavesExport().export(source, target)
    assert target.read_text() == f"{bare.rstrip()}\n\npandas_categorical:null\n"


def test_averaged_trees_of_several_classes_are_refused(tmp_path: Path) -> None:
    source = source_of("lightgbm, three classes", tmp_path)
    text = source.path.read_text().replace("num_class=3", "num_class=3\naverage_output", 1)
    path = tmp_path / "averaged"
    path.write_text(text)
    with pytest.raises(ConversionError, match="averages the trees of the first class only"):
        LleavesExport().export(replace(source, path=path), tmp_path / "artifact")
