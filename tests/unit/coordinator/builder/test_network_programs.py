"""Networks that were read, held against ONNX Runtime and against differences of their own scores."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from mltest.coordinator.builder.networks.program import Program
from mltest.coordinator.builder.networks.read_graph import graph_program
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError
from mltest.shared.native.onnx_session import open_session
from tests.unit.coordinator.networks import Floats, Graph, convolutional, perceptron


def everything(random: np.random.Generator) -> onnx.ModelProto:
    """Return a network with the operators that no other one here has."""
    graph = Graph(random)
    graph.add("Sub", graph.drawn(36))
    graph.add("Div", graph.held(2.0))
    graph.shaped(1, 6, 6)
    graph.add("Conv", graph.drawn(4, 1, 3, 2), graph.drawn(4), pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])
    one = graph.add("LeakyRelu", alpha=0.2)
    graph.add("Clip", graph.held(-0.5), graph.held(0.7))
    graph.add("Concat", one, axis=1)
    graph.add("Transpose", perm=[0, 2, 3, 1])
    graph.add("Transpose", perm=[0, 3, 1, 2])
    graph.add("Sigmoid")
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    graph.add("MatMul", graph.drawn(8, 5))
    graph.add("Tanh")
    graph.add("Mul", graph.drawn(5))
    graph.add("Sub", before=(graph.held(1.0),))
    graph.dense(5, 4)
    return graph.model(36, 4)


NETWORKS = {
    "perceptron": (perceptron(np.random.default_rng(0), (6, 8, 5, 3)), 6),
    "largest of windows": (convolutional(np.random.default_rng(1)), 64),
    "means of windows": (convolutional(np.random.default_rng(2), pool="AveragePool"), 64),
    "everything else": (everything(np.random.default_rng(3)), 36),
}


def read(name: str) -> tuple[Program, Floats]:
    model, features = NETWORKS[name]
    return graph_program(model.SerializeToString(), features), np.random.default_rng(9).normal(size=(5, features))


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_are_those_of_onnx_runtime(name: str, tmp_path: Path) -> None:
    program, rows = read(name)
    path = tmp_path / "model.onnx"
    path.write_bytes(NETWORKS[name][0].SerializeToString())
    said = open_session(path, threads=1).predictions(rows.astype(np.float32), task=Task.REGRESSION, classes=())
    assert said.scores is not None
    assert np.abs(program.scores(rows) - said.scores).max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_differences_of_scores(name: str) -> None:
    program, rows = read(name)
    weights = np.random.default_rng(8).normal(size=program.scores(rows).shape)
    _, gradients = program.gradients(rows, lambda _: weights)
    step = 1e-6
    for column in range(0, rows.shape[1], 5):
        moved = np.zeros(rows.shape)
        moved[:, column] = step
        difference = program.scores(rows + moved) - program.scores(rows - moved)
        assert (weights * difference).sum(axis=1) / (2 * step) == pytest.approx(gradients[:, column], abs=1e-5)


def test_a_softmax_at_the_end_is_left_out() -> None:
    with_it = convolutional(np.random.default_rng(1), softmax=True)
    program, rows = read("largest of windows")
    found = graph_program(with_it.SerializeToString(), 64)
    assert np.array_equal(found.scores(rows), program.scores(rows))


def test_an_operator_that_is_not_known_is_named() -> None:
    graph = Graph(np.random.default_rng(0))
    graph.dense(3, 3)
    graph.add("Erf")
    graph.dense(3, 2)
    with pytest.raises(ConversionError, match="Erf"):
        graph_program(graph.model(3, 2).SerializeToString(), 3)


def test_what_mixes_rows_is_not_read() -> None:
    graph = Graph(np.random.default_rng(0))
    graph.add("ReduceMean", graph.held([0], np.int64), keepdims=1)
    graph.dense(3, 2)
    with pytest.raises(ConversionError, match="mixes rows"):
        graph_program(graph.model(3, 2).SerializeToString(), 3)
