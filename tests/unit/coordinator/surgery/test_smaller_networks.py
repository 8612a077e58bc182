"""What is taken away from a network: the weights that PyTorch's own pruning takes, and units that weigh nothing."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier, MLPRegressor

from mltest.coordinator.builder.surgery import prune_graph, prune_perceptron, prune_program
from mltest.coordinator.builder.surgery.network_weights import kept_units, without_smallest
from mltest.shared.errors import ConversionError
from mltest.shared.native.pt2_archive import read_program
from mltest.shared.native.torch_module import BUILDER_REMEDY, open_program
from tests.hostile.programs import honest_parts, write_parts
from tests.integration.test_quantised_networks import two_layers
from tests.unit.coordinator.surgery.fitted import classified

WITH_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)
NAME = "prune"


def graph_answers(path: Path, rows: NDArray[np.floating]) -> NDArray[np.floating]:
    import onnxruntime

    found: NDArray[np.floating] = onnxruntime.InferenceSession(path.read_bytes()).run(None, {"X": rows})[0]
    return found


@WITH_TORCH
@pytest.mark.parametrize("keep", ["1/2", "1/5", "7"])
def test_the_smallest_weights_of_all_layers_are_those_that_pytorch_prunes(keep: str) -> None:
    import torch
    from torch.nn.utils import prune

    random = np.random.default_rng(3)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((9, 4), (5, 9), (3, 2, 2, 2))]
    layers = [torch.nn.Linear(1, 1) for _ in weights]
    for layer, values in zip(layers, weights, strict=True):
        layer.weight = torch.nn.Parameter(torch.from_numpy(values.copy()))
    total = sum(values.size for values in weights)
    count = round(total * {"1/2": 1 / 2, "1/5": 1 / 5}.get(keep, 7 / total))
    prune.global_unstructured(
        [(layer, "weight") for layer in layers], pruning_method=prune.L1Unstructured, amount=total - count
    )
    for layer, found in zip(layers, without_smallest(weights, keep, converter=NAME), strict=True):
        np.testing.assert_array_equal(found, layer.weight.detach().numpy())


def test_which_units_stay_does_not_change_when_a_layer_is_scaled_up_and_the_next_one_down() -> None:
    random = np.random.default_rng(1)
    incoming, outgoing = random.normal(size=(8, 5)), random.normal(size=(8, 3))
    scale = random.uniform(0.01, 100, size=(8, 1))
    before = kept_units(incoming, outgoing, "1/2")
    assert len(before) == 4
    np.testing.assert_array_equal(kept_units(incoming * scale, outgoing / scale, "1/2"), before)


def with_idle_units(hidden: tuple[int, ...], *, activation: str = "relu") -> Any:
    """Return a fitted network, in which what every second unit of each hidden layer says is ignored."""
    found = classified(120)
    network = MLPClassifier(hidden, activation=activation, max_iter=15, random_state=0)
    with pytest.warns(UserWarning, match="converge"):
        network.fit(found.rows, found.truth)
    for layer in range(1, len(network.coefs_)):
        network.coefs_[layer][::2] = 0
    return network


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_units_that_are_ignored_go_first_and_nothing_changes(activation: str) -> None:
    network, rows = with_idle_units((8, 6), activation=activation), classified(50, seed=1).rows
    pruned = prune_perceptron.prune_units(network, "1/2", converter=NAME)
    assert [one.shape for one in pruned.coefs_] == [(5, 4), (4, 3), (3, 3)]
    assert pruned.hidden_layer_sizes == (4, 3)
    np.testing.assert_allclose(pruned.predict_proba(rows), network.predict_proba(rows), rtol=1e-12)
    assert network.coefs_[0].shape == (5, 8)


def test_biases_are_no_weights() -> None:
    network = with_idle_units((8,))
    pruned = prune_perceptron.prune_weights(network, "10", converter=NAME)
    assert sum(np.count_nonzero(one) for one in pruned.coefs_) == 10
    for before, after in zip(network.intercepts_, pruned.intercepts_, strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias_shape", [(300,), (1, 300)])
def test_a_graph_loses_units_as_the_rule_says(
    dtype: type[np.floating], bias_shape: tuple[int, ...], tmp_path: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    (tmp_path / "model").write_bytes(two_layers(dtype, bias_shape))
    prune_graph.prune_units(tmp_path / "model", "1/3", tmp_path / "fewer", converter=NAME)
    tensors = onnx.load(tmp_path / "model").graph.initializer
    one, bias, two, last = (
        numpy_helper.to_array(next(tensor for tensor in tensors if tensor.name == name))
        for name in ("w1", "b1", "w2", "b2")
    )
    weight = np.linalg.norm(np.vstack([one, bias.reshape(1, -1)]), axis=0) * np.linalg.norm(two, axis=0)
    kept = np.sort(np.argsort(-weight)[:100])
    rows = np.random.default_rng(2).normal(size=(20, 30)).astype(dtype)
    expected = np.maximum(rows @ one[:, kept] + bias.reshape(-1)[kept], 0) @ two[:, kept].T + last
    np.testing.assert_allclose(graph_answers(tmp_path / "fewer", rows), expected, rtol=1e-4, atol=1e-5)
    assert (tmp_path / "fewer").stat().st_size < 0.4 * (tmp_path / "model").stat().st_size


def test_a_graph_with_zeros_is_what_its_weights_say(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    (tmp_path / "model").write_bytes(two_layers(np.float32, (300,)))
    prune_graph.prune_weights(tmp_path / "model", "1/2", tmp_path / "zeros", converter=NAME)
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "zeros").graph.initializer}
    assert sum(np.count_nonzero(found[name]) for name in ("w1", "w2")) == 6000
    assert np.count_nonzero(found["b1"]) == 300
    rows = np.random.default_rng(2).normal(size=(20, 30)).astype(np.float32)
    expected = np.maximum(rows @ found["w1"] + found["b1"], 0) @ found["w2"].T + found["b2"]
    np.testing.assert_allclose(graph_answers(tmp_path / "zeros", rows), expected, rtol=1e-4, atol=1e-5)


def test_a_hidden_layer_that_is_an_output_as_well_keeps_its_units(tmp_path: Path) -> None:
    import onnx

    model = onnx.load_from_string(two_layers(np.float32, (300,)))
    model.graph.output.append(onnx.helper.make_tensor_value_info("r", onnx.TensorProto.FLOAT, [None, 300]))
    (tmp_path / "model").write_bytes(model.SerializeToString())
    with pytest.raises(ConversionError, match="no hidden layer between two matrix products"):
        prune_graph.prune_units(tmp_path / "model", "1/2", tmp_path / "fewer", converter=NAME)


@pytest.mark.parametrize(
    ("prune", "keep", "reason"),
    [
        (prune_perceptron.prune_units, "8", "hidden layers have 8 units, and 8 are to be kept"),
        (prune_perceptron.prune_weights, "48", "48 weights that are not 0, and 48 are to be kept"),
    ],
)
def test_what_takes_nothing_away_is_refused(prune: Callable[..., Any], keep: str, reason: str) -> None:
    found = classified(120)
    with pytest.warns(UserWarning, match="converge"):
        network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=5, random_state=0).fit(found.rows, found.truth)
    with pytest.raises(ConversionError, match=reason):
        prune(network, keep, converter=NAME)


def test_a_program_with_zeros_needs_no_pytorch_to_be_made(tmp_path: Path) -> None:
    program = write_parts(honest_parts(), tmp_path / "model")
    prune_program.prune_weights(program, "2", tmp_path / "zeros", converter=NAME)
    assert read_program(tmp_path / "zeros").facts == read_program(program).facts
    weights = np.frombuffer(read_program(tmp_path / "zeros").members["data/weights/weight_0"], "<f4")
    np.testing.assert_array_equal(weights, [0, 2, 3, 0, 0, 0])
    with pytest.raises(ConversionError, match="no hidden layer"):
        prune_program.prune_units(program, "1/2", tmp_path / "fewer", converter=NAME)


@WITH_TORCH
def test_a_program_of_pytorch_loses_units_as_the_graph_of_the_same_network_does(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Unflatten(1, (2, 3)),
        torch.nn.Flatten(),
        *(torch.nn.Linear(6, 8), torch.nn.GELU(), torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)),
    ).eval()
    program = torch.export.export(layers, (torch.zeros(2, 6),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    with (tmp_path / "model").open("wb") as stream:
        torch.export.save(program, stream)
    prune_program.prune_units(tmp_path / "model", "1/2", tmp_path / "fewer", converter=NAME)
    opened, rows = open_program(tmp_path / "fewer"), np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    first, second, last = (layer for layer in layers if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        for one, two in ((first, second), (second, last)):
            weight = torch.cat([one.weight, one.bias[:, None]], 1).norm(dim=1) * two.weight.norm(dim=0)
            kept = torch.argsort(-weight)[: len(weight) // 2].sort().values
            one.weight, one.bias = torch.nn.Parameter(one.weight[kept]), torch.nn.Parameter(one.bias[kept])
            two.weight = torch.nn.Parameter(two.weight[:, kept])
        expected = layers(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(opened.scores(rows), expected, rtol=1e-5, atol=1e-6)
    prune_program.prune_units(tmp_path / "model", "1/2", tmp_path / "again", converter=NAME)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "fewer").read_bytes()
    from mltest.coordinator.builder.torch_graph import torch_graph

    (tmp_path / "onnx").write_bytes(torch_graph(tmp_path / "fewer"))
