"""Files of LiteRT that the exporter writes, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_wine

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.exporters.litert_export import LiteRtExport
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.litert.flatbuffer import file_of
from mltest.coordinator.builder.litert.graph import Code, Graph
from mltest.coordinator.builder.opened_model import OpenedModel, opened_graph
from mltest.shared.domain import ModelInfo, Output, Task, VisitCandidate
from mltest.shared.errors import ConversionError, ModelInvalidError, ModelUnsupportedError
from mltest.shared.model_format import format_of
from tests.contract.artifacts import made_artifact, rows_of
from tests.contract.c_graphs import GRAPHS, bent_graph, meeting_graph
from tests.contract.own_environments import add_own_environments, skipped_unless_installed
from tests.unit.coordinator.networks import Graph as OnnxGraph

add_own_environments()

RUNTIME = runtime_named("litert")
RUNS = skipped_unless_installed(RUNTIME.needs)
NETWORK = ModelInfo(
    format="onnx",
    family="network",
    kind="network",
    task=Task.CLASSIFICATION,
    output=Output.SCORES,
    feature_count=13,
    classes=("0", "1", "2"),
    size_bytes=0,
)


def candidate_of(info: ModelInfo, threads: int = 1) -> VisitCandidate:
    return VisitCandidate(
        candidate_id="c",
        runtime="litert",
        format="tflite",
        artifact_sha256="",
        task=info.task,
        output=info.output,
        feature_count=info.feature_count,
        classes=info.classes,
        input_dtype="float32",
        threads=threads,
    )


def graph_file(graph: str, folder: Path) -> tuple[Path, OpenedModel, NDArray[np.float32]]:
    rows, truth = (load_breast_cancer if "two" in graph else load_wine)(return_X_y=True)
    scaled = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    path = folder / "model.onnx"
    path.write_bytes(GRAPHS[graph](scaled, truth))
    return path, opened_graph(path, RawData(rows=scaled, truth=truth)), scaled


@RUNS
@pytest.mark.parametrize("graph", GRAPHS)
def test_an_onnx_chain_answers_as_onnx_runtime_does(graph: str, tmp_path: Path) -> None:
    path, model, rows = graph_file(graph, tmp_path)
    target = tmp_path / "artifact"
    exported = LiteRtExport().export(ExportSource(path=path, info=model.info, native=None), target)
    assert exported.input_dtype == "float32"
    ours = RUNTIME.open(target, candidate_of(model.info))
    found, expected = ours.predictions(ours.prepare(rows)), model.predict(rows)
    assert found.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-5)
    if expected.labels is not None:
        np.testing.assert_array_equal(np.asarray(found.labels), expected.labels)
    assert found.are_probabilities == expected.are_probabilities


@RUNS
@pytest.mark.parametrize("curve", [Code.RELU, Code.TANH, Code.LOGISTIC])
def test_a_layer_is_that_of_numpy_but_for_the_last_bits(curve: Code, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows, weights, bias = (random.normal(size=shape).astype(np.float32) for shape in ((50, 37), (19, 37), (19,)))
    graph = Graph(37)
    graph.add(Code.FULLY_CONNECTED, 19, [weights / np.float32(6), bias])
    graph.add(curve, 19)
    path = tmp_path / "layer"
    path.write_bytes(file_of(graph))
    info = replace(NETWORK, task=Task.REGRESSION, output=Output.VALUES, feature_count=37, classes=())
    opened = RUNTIME.open(path, candidate_of(info))
    sums = rows.astype(np.float64) @ (weights / np.float32(6)).T + bias
    expected = {Code.RELU: np.maximum(sums, 0), Code.TANH: np.tanh(sums), Code.LOGISTIC: 1 / (1 + np.exp(-sums))}
    for count in (50, 1, 7, 50):
        answer = opened.answer(opened.predict(rows[:count]), count)
        assert answer.dtype == np.float64
        np.testing.assert_allclose(answer.astype(np.float64), expected[curve][:count], rtol=0, atol=2e-6)


@RUNS
def test_a_file_for_other_features_is_not_the_model(tmp_path: Path) -> None:
    path, model, _ = graph_file("scores", tmp_path)
    target = tmp_path / "artifact"
    LiteRtExport().export(ExportSource(path=path, info=model.info, native=None), target)
    with pytest.raises(ModelInvalidError, match="not the model's 12 features"):
        RUNTIME.open(target, candidate_of(replace(model.info, feature_count=12)))


@RUNS
def test_bytes_that_are_damaged_inside_are_not_opened(tmp_path: Path) -> None:
    exporter = LiteRtExport()
    content = bytearray(made_artifact("network, two classes", exporter).artifact.read_bytes())
    content[:4] = b"\xff\xff\xff\x7f"
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(ModelInvalidError, match="LiteRT cannot open it"):
        RUNTIME.open(path, made_artifact("network, two classes", exporter).candidate)


def test_what_is_written_calls_itself_a_file_of_tensorflow_lite() -> None:
    made = made_artifact("network, three text labels", LiteRtExport())
    assert made.candidate.feature_count == rows_of("network, three text labels").shape[1]
    with pytest.raises(ModelUnsupportedError, match="a TensorFlow Lite model"):
        format_of(made.artifact)


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    assert_refused(bent_graph("Abs"), NETWORK, "the exporter to LiteRT .* it knows no operator Abs", tmp_path)
    assert_refused(meeting_graph(), NETWORK, "2 ways meet in an operator Add", tmp_path)


def test_one_score_for_two_classes_is_refused(tmp_path: Path) -> None:
    graph = OnnxGraph(np.random.default_rng(0))
    graph.dense(13, 1)
    content = graph.model(13, 1).SerializeToString()
    assert_refused(content, NETWORK, "one score for two classes", tmp_path)


def test_a_weight_that_float32_cannot_hold_is_refused(tmp_path: Path) -> None:
    graph = OnnxGraph(np.random.default_rng(0))
    graph.add("Gemm", graph.held(np.full((13, 3), 1e30)), alpha=1e20)
    content = graph.model(13, 3).SerializeToString()
    assert_refused(content, NETWORK, "too large for float32", tmp_path)


def assert_refused(content: bytes, info: ModelInfo, reason: str, folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=reason):
        LiteRtExport().export(ExportSource(path=path, info=info, native=None), folder / "artifact")
    assert not (folder / "artifact").exists()
