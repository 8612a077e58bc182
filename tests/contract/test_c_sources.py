"""Every layout and option of mltest's own C, held against the library whose model it is."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mltest.coordinator.builder.exporters.c_export import CExport
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.errors import ConversionError
from tests.contract.c_sources import called, compiled, estimator_source, rows_at_thresholds, run_alone, written

VARIANTS = CExport.needs.variants
LOSSLESS = [variant for variant in VARIANTS if not variant.is_lossy]
LOSSY = [variant for variant in VARIANTS if variant.is_lossy]
FOREST = {"n_estimators": 9, "random_state": 0}
MODELS: dict[str, tuple[str, Any]] = {
    "digits, forest": ("digits", RandomForestClassifier(**FOREST, max_depth=8)),
    "digits, histogram boosting": ("digits", HistGradientBoostingClassifier(max_iter=2, random_state=0)),
    "cancer, forest": ("cancer", RandomForestClassifier(**FOREST)),
    "cancer, extra trees": ("cancer", ExtraTreesClassifier(**FOREST)),
    "cancer, tree": ("cancer", DecisionTreeClassifier(random_state=0)),
    "cancer, boosting": ("cancer", GradientBoostingClassifier(n_estimators=9, random_state=0)),
    "cancer, exponential loss": ("cancer", GradientBoostingClassifier(loss="exponential", n_estimators=9)),
    "cancer with gaps, forest": ("gaps", RandomForestClassifier(**FOREST)),
    "cancer with gaps, histogram boosting": ("gaps", HistGradientBoostingClassifier(max_iter=9, random_state=0)),
    "unequal classes, boosting": ("unequal", GradientBoostingClassifier(n_estimators=4, random_state=0)),
    "diabetes, forest": ("diabetes", RandomForestRegressor(**FOREST)),
    "diabetes, tree": ("diabetes", DecisionTreeRegressor(random_state=0)),
    "diabetes, boosting": ("diabetes", GradientBoostingRegressor(n_estimators=9, random_state=0)),
    "diabetes, histogram boosting": ("diabetes", HistGradientBoostingRegressor(max_iter=9, random_state=0)),
    "diabetes, poisson loss": ("diabetes", HistGradientBoostingRegressor(loss="poisson", max_iter=9)),
    "diabetes, two values": ("diabetes two", RandomForestRegressor(**FOREST, max_depth=5)),
    "diabetes, one leaf": ("diabetes", DecisionTreeRegressor(min_samples_leaf=300)),
}
SOME = ("cancer, forest", "cancer with gaps, histogram boosting")
EACH_THEN_OTHERS = [
    pytest.param(
        SOME[(position + shift) % 2], variant, marks=marks, id=f"{SOME[(position + shift) % 2]}-{variant.name}"
    )
    for shift, marks in ((1, ()), (0, pytest.mark.long))
    for position, variant in enumerate(VARIANTS)
]
"""Every variant of one of them, both in turn; the long tests try the rest, where each combination takes a second."""
EACH_WITH_SOME = [
    pytest.param(name, variant, marks=() if (column - row) % 4 == 0 else pytest.mark.long, id=f"{name}-{variant.name}")
    for row, name in enumerate(MODELS)
    for column, variant in enumerate(LOSSLESS)
]
"""Every model with a quarter of the variants, every variant with a quarter of the models; the rest in the long tests."""


@cache
def data(name: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    if name == "digits":
        rows, truth = load_digits(return_X_y=True)
    elif name.startswith("diabetes"):
        rows, truth = load_diabetes(return_X_y=True)
        truth = np.column_stack([truth, -truth]) if name.endswith("two") else truth
    else:
        rows, truth = load_breast_cancer(return_X_y=True)
    if name == "gaps":
        rows = np.where(np.random.default_rng(0).random(rows.shape) < 0.1, np.nan, rows)
    if name == "unequal":
        truth = np.where(np.arange(len(truth)) % 9 == 0, 2, truth)
    return rows, truth


@cache
def source_of(name: str) -> ExportSource:
    dataset, estimator = MODELS[name]
    return estimator_source(estimator.fit(*data(dataset)))


def truth_of(name: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    native = source_of(name).native
    assert native is not None
    scores = native.predictions(native.prepare(rows)).scores
    assert scores is not None
    return scores


def rows_of(name: str) -> NDArray[np.float64]:
    return data(MODELS[name][0])[0][:300]


def exported(name: str, variant: Variant, folder: Path) -> Path:
    try:
        return written(source_of(name), variant, rows_of(name), folder)
    except ConversionError as error:
        assert variant.name == "nodes double" and "compares in float64" in error.message
        pytest.skip("its library compares in float64, which other variants do as well")


@pytest.mark.parametrize(("name", "variant"), EACH_WITH_SOME)
def test_every_row_gets_what_the_library_says_also_where_a_value_is_a_threshold(
    name: str, variant: Variant, tmp_path: Path
) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O1")
    rows = np.concatenate([rows_of(name), rows_at_thresholds(source_of(name), rows_of(name), 300)])
    expected = truth_of(name, rows)
    # A sigmoid or softmax of another mathematics library may differ in its last bits; sums do not.
    np.testing.assert_allclose(called(library, rows), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("variant", LOSSLESS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("name", ["cancer, forest", "diabetes, forest", "diabetes, boosting"])
def test_sums_have_every_bit_of_the_library(name: str, variant: Variant, tmp_path: Path) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O2")
    np.testing.assert_array_equal(called(library, rows_of(name)), truth_of(name, rows_of(name)))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("name", SOME)
def test_rows_get_the_same_alone_and_together(name: str, variant: Variant, tmp_path: Path) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O1")
    rows = rows_of(name)
    together = called(library, rows)
    for batch_size in (1, 7, 8, 129):
        np.testing.assert_array_equal(called(library, rows, batch_size), together)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("name", SOME)
def test_the_same_model_and_rows_give_the_same_source(name: str, variant: Variant, tmp_path: Path) -> None:
    first = exported(name, variant, tmp_path).read_bytes()
    assert exported(name, variant, tmp_path).read_bytes() == first


@pytest.mark.parametrize("variant", LOSSY, ids=lambda variant: variant.name)
@pytest.mark.parametrize("name", ["cancer, forest", "unequal classes, boosting"])
def test_lossy_variants_stay_near_the_library(name: str, variant: Variant, tmp_path: Path) -> None:
    rows = rows_of(name)
    difference = np.abs(called(compiled(exported(name, variant, tmp_path)), rows) - truth_of(name, rows))
    assert difference.max() < 0.02


def test_eight_bits_lose_nothing_where_each_feature_has_few_thresholds(tmp_path: Path) -> None:
    name = "cancer with gaps, histogram boosting"
    variant = next(variant for variant in VARIANTS if variant.name == "nodes 8-bit")
    rows = np.concatenate([rows_of(name), rows_at_thresholds(source_of(name), rows_of(name), 300)])
    found = called(compiled(exported(name, variant, tmp_path)), rows)
    np.testing.assert_allclose(found, truth_of(name, rows), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("name", "variant"), EACH_THEN_OTHERS)
def test_sanitizers_find_nothing(name: str, variant: Variant, tmp_path: Path) -> None:
    source = exported(name, variant, tmp_path)
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    rows = rows_of(name)
    run_alone(source, rows, truth_of(name, rows), flags, tmp_path, is_exact=not variant.is_lossy)


@pytest.mark.skipif(not shutil.which("clang"), reason="apt install clang")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_clang_warns_of_nothing_and_gives_the_same(variant: Variant, tmp_path: Path) -> None:
    source, rows = exported(SOME[0], variant, tmp_path), rows_of(SOME[0])
    here = called(compiled(source, "-O1"), rows)
    (tmp_path / "clang").mkdir()
    other = Path(shutil.copy(source, tmp_path / "clang"))
    np.testing.assert_array_equal(called(compiled(other, "-O1", compiler="clang"), rows), here)


@pytest.mark.skipif(
    not (shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64")),
    reason="apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
)
@pytest.mark.parametrize(("name", "variant"), EACH_THEN_OTHERS)
def test_an_emulated_aarch64_predicts_the_same(name: str, variant: Variant, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    here = called(compiled(source, "-O2"), rows)
    run_alone(source, rows, here, ("-O2", "-static"), tmp_path, machine="aarch64-linux-gnu", emulator="qemu-aarch64")


@pytest.mark.skipif(
    not (shutil.which("arm-linux-gnueabihf-gcc") and shutil.which("qemu-arm")),
    reason="apt install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user",
)
@pytest.mark.parametrize(("name", "variant"), EACH_THEN_OTHERS)
def test_an_emulated_arm_of_32_bits_predicts_the_same(name: str, variant: Variant, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    here = called(compiled(source, "-O2"), rows)
    run_alone(source, rows, here, ("-O2", "-static"), tmp_path, machine="arm-linux-gnueabihf", emulator="qemu-arm")


@pytest.mark.parametrize("layout", ["if-else", "if-else hot"])
def test_nested_ifs_of_a_large_forest_are_refused_with_what_to_use_instead(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltest.coordinator.builder.c_source.if_else.MAX_NODES", 100)
    variant = next(variant for variant in VARIANTS if variant.name == layout)
    with pytest.raises(ConversionError, match=r"nested ifs of \d+ nodes .* \(at most 100\); its nodes as arrays"):
        written(source_of("cancer, forest"), variant, rows_of("cancer, forest"), tmp_path)
