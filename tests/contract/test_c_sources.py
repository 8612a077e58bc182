"""Every layout and option of mltest's own C, held against the library whose model it is."""

import shutil
from functools import cache
from importlib.util import find_spec
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
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mltest.coordinator.builder.exporters.c_export import CExport
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.opened_model import opened_library_model
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
    "cancer, four trees": ("cancer", RandomForestClassifier(n_estimators=4, max_depth=4, random_state=0)),
    "cancer, boosting that stopped early": (
        "cancer",
        GradientBoostingClassifier(n_estimators=500, learning_rate=0.9, n_iter_no_change=1, random_state=0),
    ),
    "cancer, search": ("cancer", GridSearchCV(RandomForestClassifier(**FOREST), {"max_depth": [3]}, cv=2)),
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
REFUSED = {
    "double": "compares in float64, so every other variant does as well",
    "8-bit": "a feature has more different thresholds than 8 bits can count",
    "8-bit rounded": "so nothing has to be rounded",
}
"""By thresholds: what is the same candidate again, or another one's work."""
SOME_THEN_ALL = [
    pytest.param(variant, id=variant.name, marks=[pytest.mark.long] if variant.is_on_request else [])
    for variant in VARIANTS
]
KINDS = ("nodes hot", "nodes int", "nodes 8-bit", "nodes 16-bit leaves", "if-else hot")
"""One variant for each way in which nodes, thresholds and leaves are laid out."""
EACH_THEN_OTHERS = [
    pytest.param(
        SOME[(position + shift) % 2], variant, marks=marks, id=f"{SOME[(position + shift) % 2]}-{variant.name}"
    )
    for position, variant in enumerate(VARIANTS)
    for shift in (1, 0)
    for marks in [[] if shift == 1 and variant.name in KINDS else [pytest.mark.long]]
]
"""Every kind of one of them, both in turn; the long tests try the rest, where each combination takes a second."""
EACH_WITH_SOME = [
    pytest.param(name, variant, marks=[] if is_quick else [pytest.mark.long], id=f"{name}-{variant.name}")
    for row, name in enumerate(MODELS)
    for column, variant in enumerate(LOSSLESS)
    for is_quick in [name == SOME[column % 2] if variant.is_on_request else (column - row) % 8 == 0]
]
"""Every model with one or two variants, every variant with some model; the rest in the long tests."""
SUMMED = ("cancer, forest", "diabetes, forest", "diabetes, boosting")
SUMS = [
    pytest.param(name, variant, marks=[] if is_quick else [pytest.mark.long], id=f"{name}-{variant.name}")
    for row, name in enumerate(SUMMED)
    for column, variant in enumerate(LOSSLESS)
    for is_quick in [(column - row) % 3 == 0 and not variant.is_on_request]
]
"""Every variant with one model whose sums are as they are; the rest in the long tests."""


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


@cache
def ladder(count: int) -> ExportSource:
    """Return a tree with `count` different thresholds of one feature, which knows where missing values go."""
    steps = np.arange(count + 1.0)[:, None]
    rows = np.concatenate([steps, np.full((3, 1), np.nan)])
    return estimator_source(DecisionTreeRegressor(random_state=0).fit(rows, [*steps[:, 0], *[count] * 3]))


def rows_of(name: str) -> NDArray[np.float64]:
    return data(MODELS[name][0])[0][:300]


def exported(name: str, variant: Variant, folder: Path) -> Path:
    try:
        return written(source_of(name), variant, rows_of(name), folder)
    except ConversionError as error:
        assert any(variant.options.get("thresholds") == kind and why in error.message for kind, why in REFUSED.items())
        pytest.skip(error.message)


@pytest.mark.parametrize(("name", "variant"), EACH_WITH_SOME)
def test_every_row_gets_what_the_library_says_also_where_a_value_is_a_threshold(
    name: str, variant: Variant, tmp_path: Path
) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O1")
    rows = np.concatenate([rows_of(name), rows_at_thresholds(source_of(name), rows_of(name), 300)])
    expected = truth_of(name, rows)
    # A sigmoid or softmax of another mathematics library may differ in its last bits; sums do not.
    np.testing.assert_allclose(called(library, rows), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("name", "variant"), SUMS)
def test_sums_have_every_bit_of_the_library(name: str, variant: Variant, tmp_path: Path) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O2")
    np.testing.assert_array_equal(called(library, rows_of(name)), truth_of(name, rows_of(name)))


@pytest.mark.parametrize("variant", SOME_THEN_ALL)
@pytest.mark.parametrize("name", SOME)
def test_rows_get_the_same_alone_and_together(name: str, variant: Variant, tmp_path: Path) -> None:
    library = compiled(exported(name, variant, tmp_path), "-O1")
    rows = rows_of(name)
    together = called(library, rows)
    for batch_size in (1, 7, 8, 129):
        np.testing.assert_array_equal(called(library, rows, batch_size), together)


@pytest.mark.parametrize("variant", SOME_THEN_ALL)
@pytest.mark.parametrize("name", SOME)
def test_the_same_model_and_rows_give_the_same_source(name: str, variant: Variant, tmp_path: Path) -> None:
    first = exported(name, variant, tmp_path).read_bytes()
    assert exported(name, variant, tmp_path).read_bytes() == first


@pytest.mark.parametrize("variant", [one for one in SOME_THEN_ALL if one.values[0] in LOSSY])
@pytest.mark.parametrize("name", ["cancer, forest", "unequal classes, boosting"])
def test_lossy_variants_stay_near_the_library(name: str, variant: Variant, tmp_path: Path) -> None:
    rows = rows_of(name)
    difference = np.abs(called(compiled(exported(name, variant, tmp_path)), rows) - truth_of(name, rows))
    assert difference.max() < 0.02


@pytest.mark.parametrize("layout", ["nodes", "if-else"])
def test_eight_bits_count_255_thresholds_and_no_more(layout: str, tmp_path: Path) -> None:
    name = f"{layout} 8-bit"
    variant = next(variant for variant in VARIANTS if variant.name == name)
    source, rows = ladder(255), np.arange(-1, 257, 0.5)[:, None]
    native = source.native
    assert native is not None
    found = called(compiled(written(source, variant, rows, tmp_path)), np.concatenate([rows, [[np.nan]]]))
    expected = native.predictions(native.prepare(np.concatenate([rows, [[np.nan]]]))).scores
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) == 256
    with pytest.raises(ConversionError, match=r"more different thresholds than 8 bits can count \(255\)"):
        written(ladder(256), variant, rows, tmp_path)


def test_what_loses_nothing_in_eight_bits_is_not_rounded(tmp_path: Path) -> None:
    rounded = next(variant for variant in VARIANTS if variant.name == "nodes 8-bit rounded")
    rows = np.arange(-1, 257, 0.5)[:, None]
    with pytest.raises(ConversionError, match="so nothing has to be rounded"):
        written(ladder(255), rounded, rows, tmp_path)
    found = called(compiled(written(ladder(256), rounded, rows, tmp_path)), rows)
    assert len(np.unique(found)) == 256, "one of 257 steps is lost"


def test_a_classifier_of_one_class_is_refused(tmp_path: Path) -> None:
    rows = data("cancer")[0]
    sure = estimator_source(RandomForestClassifier(2).fit(rows, np.zeros(len(rows), dtype=int)))
    with pytest.raises(ConversionError, match="no classifiers of a single class"):
        written(sure, VARIANTS[0], rows, tmp_path)


@pytest.mark.skipif(not find_spec("lightgbm"), reason="pip install 'mltest-fleet[runtimes-lightgbm]'")
@pytest.mark.parametrize("name", ["nodes", "if-else"])
def test_averaged_trees_of_several_classes_are_divided_by_those_of_one_class(name: str, tmp_path: Path) -> None:
    import lightgbm

    rows, truth = load_digits(n_class=3, return_X_y=True)
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "num_leaves": 8, "verbose": -1}
    settings = {**forest, "objective": "multiclass", "num_class": 3, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, truth), 5)
    booster.save_model(tmp_path / "model.txt")
    info = opened_library_model(tmp_path / "model.txt", "lightgbm").info
    source = ExportSource(path=tmp_path / "model.txt", info=info, native=None)
    library = compiled(written(source, next(one for one in VARIANTS if one.name == name), rows, tmp_path), "-O1")
    np.testing.assert_allclose(called(library, rows), np.asarray(booster.predict(rows)), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("name", "variant"), EACH_THEN_OTHERS)
def test_sanitizers_find_nothing(name: str, variant: Variant, tmp_path: Path) -> None:
    source = exported(name, variant, tmp_path)
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    rows = rows_of(name)
    run_alone(source, rows, truth_of(name, rows), flags, tmp_path, is_exact=not variant.is_lossy)


@pytest.mark.skipif(not shutil.which("clang"), reason="apt install clang")
@pytest.mark.parametrize(
    ("name", "variant"),
    [
        # Nine trees, four, one, and one leaf: each leaves other functions of the loops without a use.
        pytest.param(name, *one.values, marks=one.marks, id=f"{name}-{one.id}")
        for name in (SOME[0], "cancer, four trees", "cancer, tree", "diabetes, one leaf")
        for one in SOME_THEN_ALL
        if name == SOME[0] or one.id in ("nodes", "nodes int", "nodes 16-bit", "if-else int")
    ],
)
def test_clang_warns_of_nothing_and_gives_the_same(name: str, variant: Variant, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
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
