"""Sources of tl2cgen and emlearn: every variant against the library, at thresholds, alone and together."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.exporters.emlearn_export import EmlearnExport
from mltest.coordinator.builder.exporters.role import Exporter, ExportSource
from mltest.coordinator.builder.exporters.tl2cgen_export import Tl2cgenExport
from mltest.coordinator.builder.exporters.tool import absence_of, tool_version
from mltest.coordinator.builder.variant import Variant
from mltest.shared.errors import ConversionError
from mltest.shared.native.library_model import LibraryModel
from mltest.shared.native.outputs import NativeModel
from tests.contract.artifacts import rows_of, source_of
from tests.contract.c_sources import called, estimator_source, rows_at_thresholds
from tests.contract.tiny_boosters import booster_native

_NO_TL2CGEN, _NO_EMLEARN = absence_of(Tl2cgenExport.needs), absence_of(EmlearnExport.needs)
needs_tl2cgen = pytest.mark.skipif(bool(_NO_TL2CGEN), reason=_NO_TL2CGEN)
needs_emlearn = pytest.mark.skipif(bool(_NO_EMLEARN), reason=_NO_EMLEARN)
TREE_VARIANTS = [variant for variant in EmlearnExport.needs.variants if "forest" in variant.families]
TL2CGEN_MODELS = (
    *("forest, three classes", "forest of values", "two values a row", "boosting, two classes"),
    *("histogram boosting, three classes", "xgboost, gaps", "lightgbm, gaps"),
)


def library(
    source: ExportSource, exporter: Exporter, variant: Variant, rows: NDArray[np.floating], folder: Path
) -> Path:
    """Export one variant with `rows` (rows, features) as the dataset, and compile it as an agent does."""
    dataset, target = folder / "dataset.npz", folder / "model.c"
    np.savez(dataset, X=rows)
    exporter.export(replace(source, options=variant.options, rows=dataset), target)
    flags = ("-std=c11", f"-{variant.options['optimise']}", "-fPIC", "-shared", "-ffp-contract=off")
    subprocess.run(["cc", *flags, "-o", str(folder / "model.so"), str(target), "-lm"], check=True, timeout=120)
    return folder / "model.so"


def truth_of(native: NativeModel | LibraryModel | None, rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return what the library itself says."""
    assert native is not None
    scores = native.predictions(native.prepare(rows)).scores
    assert scores is not None
    return scores


@needs_tl2cgen
@pytest.mark.parametrize("variant", Tl2cgenExport.needs.variants, ids=lambda variant: variant.name or "plain")
@pytest.mark.parametrize("name", TL2CGEN_MODELS)
def test_tl2cgen_gives_what_the_library_says_also_where_a_value_is_a_threshold(
    name: str, variant: Variant, tmp_path: Path
) -> None:
    source, rows = source_of(name, tmp_path), rows_of(name)
    if variant.name == "quantize" and name.startswith("xgboost"):
        with pytest.raises(ConversionError, match="eight digits"):
            library(source, Tl2cgenExport(), variant, rows, tmp_path)
        return
    found = library(source, Tl2cgenExport(), variant, rows, tmp_path)
    rows = np.concatenate([rows, rows_at_thresholds(source, rows, 200)])
    tolerance = 1e-6 if name.startswith("xgboost") else 1e-13
    expected = truth_of(source.native or booster_native(name), rows)
    np.testing.assert_allclose(called(found, rows), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(called(found, rows, 7), called(found, rows))


@needs_tl2cgen
def test_what_tl2cgen_generates_is_hidden_behind_the_interface(tmp_path: Path) -> None:
    name = "forest, three classes"
    found = library(
        source_of(name, tmp_path), Tl2cgenExport(), Variant(options={"optimise": "O1"}), rows_of(name), tmp_path
    )
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", str(found)], check=True, capture_output=True, text=True
    ).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    assert "mltest_predict" in names
    assert not names & {"predict", "postprocess", "predict_unit0"}


@needs_tl2cgen
def test_nested_ifs_that_no_agent_compiles_in_time_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltest.coordinator.builder.c_source.if_else.MAX_NODES", 50)
    with pytest.raises(ConversionError, match=r"nested ifs of \d+ nodes .* \(at most 50\)"):
        Tl2cgenExport().export(source_of("forest, three classes", tmp_path), tmp_path / "model.c")


@needs_emlearn
@pytest.mark.parametrize("variant", TREE_VARIANTS[:2], ids=("votes", "shares"))
def test_emlearn_takes_the_same_ways_as_the_library_also_where_a_value_is_a_threshold(
    variant: Variant, tmp_path: Path
) -> None:
    rows, truth = load_breast_cancer(return_X_y=True)
    source = estimator_source(DecisionTreeClassifier(random_state=0).fit(rows[::2], truth[::2]))
    rows = np.concatenate([rows, rows_at_thresholds(source, rows, 200)])
    found = called(library(source, EmlearnExport(), variant, rows, tmp_path), rows)
    # A tree that was grown to its end has pure leaves: neither a vote nor eight bits lose anything.
    np.testing.assert_array_equal(found, truth_of(source.native, rows))


@needs_emlearn
def test_emlearn_with_integers_loses_nothing_of_a_tree_whose_features_are_integers(tmp_path: Path) -> None:
    rows, truth = load_digits(return_X_y=True)
    source = estimator_source(DecisionTreeClassifier(random_state=0).fit(rows[::2], truth[::2]))
    variant = next(one for one in TREE_VARIANTS if one.name == "int16")
    found = called(library(source, EmlearnExport(), variant, rows, tmp_path), rows)
    np.testing.assert_array_equal(found, truth_of(source.native, rows))


@needs_emlearn
def test_shares_of_eight_bits_are_nearer_than_votes(tmp_path: Path) -> None:
    rows, truth = load_digits(return_X_y=True)
    source = estimator_source(RandomForestClassifier(20, max_depth=6, random_state=0).fit(rows[::2], truth[::2]))
    largest = []
    for index, variant in enumerate(TREE_VARIANTS[:2]):
        (tmp_path / str(index)).mkdir()
        found = called(library(source, EmlearnExport(), variant, rows, tmp_path / str(index)), rows)
        largest.append(np.abs(found - truth_of(source.native, rows)).max())
    votes, shares = largest
    assert shares < 0.01 < votes


@needs_emlearn
def test_leaves_that_emlearn_would_compare_for_minutes_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(4000, 3))
    forest = RandomForestRegressor(4, random_state=0).fit(rows, random.normal(size=4000))
    with pytest.raises(ConversionError, match=r"compare leaves \d+ times"):
        EmlearnExport().export(estimator_source(forest), tmp_path / "model.c")


@needs_emlearn
def test_emlearn_does_not_change_how_numpy_treats_underflow() -> None:
    program = """
import numpy
from mltest.coordinator.builder.c_source.emlearn_code import emlearn
before = numpy.geterr()
emlearn()
assert numpy.geterr() == before, numpy.geterr()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_a_missing_generator_is_named_with_the_command_that_installs_it() -> None:
    needs = replace(Tl2cgenExport.needs, packages=("no-such-package",), machines=())
    with pytest.raises(ConversionError) as caught:
        tool_version(needs)
    assert "not installed where artifacts are made; pip install 'mltest-fleet[codegen]'" in caught.value.message


def test_a_generator_without_wheels_for_this_machine_says_so() -> None:
    needs = replace(Tl2cgenExport.needs, packages=("no-such-package",), machines=("vax",))
    with pytest.raises(ConversionError, match="there are no wheels of no-such-package for"):
        tool_version(needs)
