"""mltest's own C of linear models, support vector machines and networks, held against the library whose model it is."""

import ctypes
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.runtimes.role import OpenModel
from mltest.coordinator.builder.c_source.network.arithmetic import EXP, LOGISTIC, TANH, function_lines
from mltest.coordinator.builder.c_source.network.read_graph import graph_network
from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.exporters.c_network_export import CNetworkExport
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.opened_model import opened_graph
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import ModelInfo, Output, VisitCandidate
from mltest.shared.errors import ConversionError, ModelUnsupportedError
from mltest.shared.native.outputs import describe_estimator
from mltest.shared.native.predictions import Predictions
from tests.contract.c_graphs import GRAPHS, bent_graph, meeting_graph
from tests.contract.c_networks import (
    NAMES,
    classifier_names,
    data,
    is_support_vectors,
    native_of,
    rows_of,
    source_of,
    sourced,
)
from tests.contract.c_sources import called, compiled, run_alone, written

EXPORTER = CNetworkExport()
VARIANTS = {variant.name: variant for variant in EXPORTER.needs.variants}
LOSSLESS = [name for name, variant in VARIANTS.items() if not variant.is_lossy]
PLAIN = ["double", "float"]
SOME = ("radial support vectors, wine", "coupled probabilities", "network, cancer")
"""One with a label for each row, one with probabilities behind it, one with probabilities."""
CLANG, AARCH64, ARM = "apt install clang", "aarch64-linux-gnu", "arm-linux-gnueabihf"


def exported(name: str, variant: str, folder: Path) -> Path:
    return written(source_of(name), VARIANTS[variant], rows_of(name), folder, EXPORTER)


def library_of(name: str, variant: str, folder: Path) -> Path:
    """Return it compiled in a hurry: sums are made in one order, however much a compiler does."""
    return compiled(exported(name, variant, folder), "-O1")


def truth_of(name: str) -> Predictions:
    native = native_of(name)
    return native.predictions(native.prepare(rows_of(name)))


def answers(name: str, library: Path) -> Predictions:
    """Return what the library says, in the words of the model."""
    output, rows = native_of(name).output, rows_of(name)
    found = called(library, rows)
    if output is Output.LABELS:
        return Predictions(labels=found[:, 0].astype(np.int64), scores=called(library, rows, gives_scores=True))
    return Predictions(labels=found.argmax(axis=1) if output is Output.PROBABILITIES else None, scores=found)


def assert_same(name: str, library: Path, tolerance: float) -> None:
    found, expected = answers(name, library), truth_of(name)
    assert found.scores is not None
    assert expected.scores is not None
    largest = max(1.0, float(np.abs(expected.scores).max()))
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=tolerance * largest)
    if expected.labels is not None:
        np.testing.assert_array_equal(found.labels, expected.labels)


LIBRARY_CASES = [
    pytest.param(name, variant, id=f"{name}, {variant}", marks=[pytest.mark.long] if is_long else [])
    for name in NAMES
    for variant in PLAIN
    for is_long in [variant == "float" and not (name.endswith("cancer") or name in SOME or name == "radial values")]
]


@pytest.mark.parametrize(("name", "variant"), LIBRARY_CASES)
def test_every_row_gets_the_label_and_the_scores_of_the_library(name: str, variant: str, tmp_path: Path) -> None:
    assert_same(name, library_of(name, variant, tmp_path), 1e-12 if variant == "double" else 1e-5)


@pytest.mark.parametrize("variant", [name for name in LOSSLESS if name not in PLAIN])
def test_code_for_this_very_processor_gives_the_same_bits(variant: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    rows = rows_of(SOME[1])
    plain = called(library_of(SOME[1], variant.removesuffix(" native"), tmp_path / "other"), rows)
    native = compiled(exported(SOME[1], variant, tmp_path), "-O3", "-march=native")
    np.testing.assert_array_equal(called(native, rows), plain)


@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
@pytest.mark.parametrize("name", ["radial values", "network, cancer", "logistic, wine"])
def test_no_level_of_optimisation_warns_or_changes_a_bit(name: str, level: str, tmp_path: Path) -> None:
    source, rows = exported(name, "double", tmp_path), rows_of(name)
    np.testing.assert_array_equal(called(compiled(source, level), rows), called(compiled(source, "-O1"), rows))


@pytest.mark.parametrize("variant", ["double", "float", "int8"])
@pytest.mark.parametrize("name", ["network, wine"])
def test_rows_get_the_same_alone_and_together(name: str, variant: str, tmp_path: Path) -> None:
    library, rows = library_of(name, variant, tmp_path), rows_of(name)
    together = called(library, rows)
    for batch_size in (1, 3, 4, 65):
        np.testing.assert_array_equal(called(library, rows, batch_size), together)


@pytest.mark.parametrize("name", ["logistic, cancer", "network, wine", "two values a row"])
def test_weights_of_eight_bits_stay_near_the_library(name: str, tmp_path: Path) -> None:
    found, expected = answers(name, library_of(name, "int8", tmp_path)), truth_of(name)
    assert expected.scores is not None
    assert found.scores is not None
    assert np.abs(found.scores - expected.scores).mean() < 0.01 * max(1.0, float(np.abs(expected.scores).max()))
    if expected.labels is not None:
        assert found.labels is not None
        assert np.mean(np.equal(found.labels, expected.labels)) > 0.97


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_model_gives_the_same_source(variant: str, tmp_path: Path) -> None:
    first = exported("network, wine", variant, tmp_path).read_bytes()
    assert exported("network, wine", variant, tmp_path).read_bytes() == first


def cases_in_other_circumstances() -> list[object]:
    """Return some models with some variants; all of them in the long form."""
    short = [(SOME[0], "float"), (SOME[2], "double")]
    every = [(name, variant) for name in NAMES for variant in VARIANTS if _is_taken(name, VARIANTS[variant])]
    return [
        *(pytest.param(*case, id=", ".join(case)) for case in short),
        *(pytest.param(*case, id=", ".join(case), marks=pytest.mark.long) for case in every if case not in short),
    ]


def _is_taken(name: str, variant: Variant) -> bool:
    return not variant.families or not is_support_vectors(name)


@pytest.mark.parametrize(("name", "variant"), cases_in_other_circumstances())
def test_sanitizers_find_nothing(name: str, variant: str, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    run_alone(source, rows, called(compiled(source, "-O3"), rows), flags, tmp_path)


@pytest.mark.skipif(not shutil.which("clang"), reason=CLANG)
@pytest.mark.parametrize(("name", "variant"), cases_in_other_circumstances())
def test_clang_warns_of_nothing_and_gives_the_same_bits(name: str, variant: str, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    here = called(compiled(source, "-O3"), rows)
    (tmp_path / "clang").mkdir()
    other = Path(shutil.copy(source, tmp_path / "clang"))
    np.testing.assert_array_equal(called(compiled(other, "-O3", compiler="clang"), rows), here)


@pytest.mark.skipif(
    not (shutil.which(f"{AARCH64}-gcc") and shutil.which("qemu-aarch64")),
    reason="apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
)
@pytest.mark.parametrize(("name", "variant"), cases_in_other_circumstances())
def test_an_emulated_aarch64_gives_the_same_bits(name: str, variant: str, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    here, flags = called(compiled(source, "-O3"), rows), ("-O3", "-static")
    run_alone(source, rows, here, flags, tmp_path, machine=AARCH64, emulator="qemu-aarch64", has_same_bits=True)


@pytest.mark.skipif(
    not (shutil.which(f"{ARM}-gcc") and shutil.which("qemu-arm")),
    reason="apt install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user",
)
@pytest.mark.parametrize(("name", "variant"), cases_in_other_circumstances())
def test_an_emulated_arm_of_32_bits_gives_the_same_bits(name: str, variant: str, tmp_path: Path) -> None:
    source, rows = exported(name, variant, tmp_path), rows_of(name)
    here, flags = called(compiled(source, "-O3"), rows), ("-O3", "-static")
    run_alone(source, rows, here, flags, tmp_path, machine=ARM, emulator="qemu-arm", has_same_bits=True)


@pytest.mark.parametrize(("number_type", "error"), [("float64", 7e-16), ("float32", 3e-7)])
def test_functions_of_arithmetic_are_right_to_the_last_bits(number_type: str, error: float, tmp_path: Path) -> None:
    real = {"float64": "double", "float32": "float"}[number_type]
    numbers = np.linspace(-80, 80, 100_001).astype(number_type)
    exact = numbers.astype(np.longdouble)
    expected = {EXP: np.exp(exact), TANH: np.tanh(exact), LOGISTIC: 1 / (1 + np.exp(-exact))}
    lines = function_lines((name, number_type) for name in expected)
    calls = [
        f"void {name}(const {real} *x, size_t count, {real} *y);"
        f"void {name}(const {real} *x, size_t count, {real} *y) {{"
        f"for (size_t i = 0; i < count; i++) y[i] = {name}_{real}(x[i]); }}"
        for name in expected
    ]
    path = tmp_path / "functions.c"
    headers = [f"#include <{name}.h>" for name in ("math", "stddef", "stdint", "string")]
    path.write_text("\n".join([*headers, *lines, *(call.replace("void ", "void of_") for call in calls), ""]))
    opened = ctypes.CDLL(str(compiled(path, "-O3")))
    for name, wanted in expected.items():
        found = np.empty_like(numbers)
        opened[f"of_{name}"](ctypes.c_void_p(numbers.ctypes.data), ctypes.c_size_t(len(numbers)), _pointer(found))
        size = np.ones_like(exact) if name == TANH else wanted
        assert float(np.abs((found - wanted) / size).max()) < error


def _pointer(array: "NDArray[np.floating]") -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def test_a_tie_and_a_row_that_decides_nothing_get_the_label_of_the_library(tmp_path: Path) -> None:
    from sklearn.svm import SVC, LinearSVC

    rows = np.array([[-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]])
    asked = np.array([[0.0, 0.5], [0.0, 0.0], [0.0, -3.0], [-1.0, 7.0]])
    for estimator in (SVC(kernel="linear"), LinearSVC(fit_intercept=False, random_state=0)):
        native = describe_estimator(estimator.fit(rows, [0, 1, 0, 1]))
        folder = tmp_path / native.kind
        folder.mkdir()
        library = compiled(written(sourced(native), VARIANTS["double"], rows, folder, EXPORTER))
        np.testing.assert_array_equal(called(library, asked)[:, 0], native.estimator.predict(asked))


def opened(source: ExportSource, library: Path, input_dtype: str) -> OpenModel:
    """Open a library as a worker does."""
    return runtime_named("c").open(library, candidate_of(source.info, input_dtype))


def candidate_of(info: ModelInfo, input_dtype: str) -> VisitCandidate:
    return VisitCandidate(
        candidate_id="c",
        runtime="c",
        format="c-source",
        artifact_sha256="",
        task=info.task,
        output=info.output,
        feature_count=info.feature_count,
        classes=info.classes,
        input_dtype=input_dtype,
    )


@pytest.mark.parametrize("variant", PLAIN)
@pytest.mark.parametrize("graph", GRAPHS)
def test_an_onnx_network_answers_as_onnx_runtime_does(graph: str, variant: str, tmp_path: Path) -> None:
    rows, truth = data("cancer" if "two" in graph else "wine")
    scaled = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    path = tmp_path / "model.onnx"
    path.write_bytes(GRAPHS[graph](scaled, truth))
    model = opened_graph(path, RawData(rows=scaled, truth=truth))
    assert model.info.output.value == graph.partition(",")[0]
    source = ExportSource(path=path, info=model.info, native=None)
    library = compiled(written(source, VARIANTS[variant], scaled, tmp_path, EXPORTER))
    ours = opened(source, library, "float32")
    found, expected = ours.predictions(ours.prepare(scaled)), model.predict(scaled)
    assert found.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-5)
    if expected.labels is not None:
        np.testing.assert_array_equal(np.asarray(found.labels), expected.labels)
    assert found.are_probabilities == expected.are_probabilities


def test_a_library_that_gives_something_else_than_the_job_asks_for_is_not_opened(tmp_path: Path) -> None:
    library = library_of(SOME[0], "double", tmp_path)
    info = replace(source_of(SOME[0]).info, output=Output.PROBABILITIES)
    with pytest.raises(ModelUnsupportedError, match="its functions give labels, not probabilities"):
        runtime_named("c").open(library, candidate_of(info, "float64"))


def test_an_operator_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="it knows no operator Abs in a network"):
        graph_network(bent_graph("Abs"), source_of("network, wine").info)
    with pytest.raises(ConversionError, match="2 ways meet in an operator Add"):
        graph_network(meeting_graph(), source_of("network, wine").info)


def test_what_is_no_chain_of_products_is_refused_with_the_reason(tmp_path: Path) -> None:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler
    from sklearn.svm import SVC

    rows, truth = data("wine")
    for estimator, reason in (
        (make_pipeline(PCA(3), SVC()), "the step PCA before the model is more than scaling"),
        (make_pipeline(MinMaxScaler(clip=True), SVC()), "the step MinMaxScaler"),
        (SVC(kernel="precomputed"), "its kernel is precomputed; it has linear, rbf, poly and sigmoid"),
    ):
        given = rows @ rows.T if isinstance(estimator, SVC) else rows
        source = sourced(describe_estimator(estimator.fit(given, truth)))
        with pytest.raises(ConversionError, match=reason):
            written(source, VARIANTS["double"], rows, tmp_path, EXPORTER)


def test_too_many_weights_are_refused_before_a_compiler_meets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltest.coordinator.builder.exporters.c_network_export._MAX_WEIGHTS", 100)
    with pytest.raises(ConversionError, match=r"takes too long for \d+ weights \(at most 100\)"):
        exported("network, wine", "double", tmp_path)


def test_there_are_five_families_with_three_datasets() -> None:
    assert len(classifier_names()) == 15
