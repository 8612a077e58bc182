"""Programs of PyTorch under attack: by PyTorch's derivatives, and proven by way of their ONNX graph."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.networks.white_box import read_program, white_box
from mltest.coordinator.builder.opened_program import opened_program
from mltest.coordinator.tests.model_properties import NetworkProperties
from mltest.coordinator.tests.network_robustness import NetworkAttack, NetworkBound
from mltest.shared.native.torch_module import BUILDER_REMEDY
from tests.unit.coordinator.examined import only, value_of
from tests.unit.coordinator.networks import convolutional, graph_evidence

pytestmark = pytest.mark.skipif(find_spec("torch") is None or find_spec("onnxscript") is None, reason=BUILDER_REMEDY)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> ModelEvidence:
    import torch

    folder = tmp_path_factory.mktemp("program")
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten())
    model = torch.nn.Sequential(*layers, torch.nn.Linear(36, 3)).eval()
    rows = np.random.default_rng(0).random((20, 64)).astype(np.float32)
    given = torch.from_numpy(rows[:4].reshape(-1, 1, 8, 8))
    free = {0: torch.export.Dim.DYNAMIC}
    path = folder / "model.pt2"
    torch.export.save(torch.export.export(model, (given,), dynamic_shapes=(free,)), path)
    opened = opened_program(path, RawData(rows=rows, truth=np.zeros(20, dtype=np.int64)))
    reference = opened.predict(rows)
    # The rest of the evidence is as that of any other file.
    other = graph_evidence(convolutional(np.random.default_rng(0)), rows, None, folder)
    return replace(
        other, path=path, model=opened.info, reference=reference, predict=opened.predict, truth=reference.labels
    )


def test_derivatives_of_pytorch_are_those_of_the_graph_that_is_made_of_it(evidence: ModelEvidence) -> None:
    box = white_box(evidence)
    assert box.network is not None
    assert box.image_shape == (1, 8, 8)
    rows = evidence.rows.astype(np.float64)
    weights = np.random.default_rng(1).normal(size=(len(rows), 3))
    scores, gradients = box.network.gradients(rows, lambda _: weights)
    own_scores, own_gradients = read_program(evidence).gradients(rows, lambda _: weights)
    assert np.abs(scores - own_scores).max() < 1e-5
    assert np.abs(gradients - own_gradients).max() < 1e-5


def test_a_program_is_attacked_and_proven(evidence: ModelEvidence) -> None:
    attacked = list(NetworkAttack(radii=(0.02, 0.2), steps=10, queries=20).examine(evidence))
    proven = list(NetworkBound(radii=(0.02, 0.2)).examine(evidence))
    for label in ("radius 0.02", "radius 0.2"):
        most = value_of(attacked, "robust_accuracy", label=label, statistic="at most")
        assert value_of(proven, "robust_accuracy", label=label) <= most
    assert value_of(attacked, "robust_accuracy", label="radius 0.2", statistic="at most") < 0.5
    assert value_of(proven, "radius_certified") > 0.002


def test_lenet_has_the_parameters_and_products_that_are_counted_by_hand(
    evidence: ModelEvidence, tmp_path: Path
) -> None:
    import torch

    convolutions = (torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Conv2d(6, 16, 5))
    bends = [part for one in convolutions for part in (one, torch.nn.ReLU(), torch.nn.AvgPool2d(2))]
    dense = (torch.nn.Linear(400, 120), torch.nn.ReLU(), torch.nn.Linear(120, 84), torch.nn.ReLU())
    model = torch.nn.Sequential(*bends, torch.nn.Flatten(), *dense, torch.nn.Linear(84, 10)).eval()
    free = {0: torch.export.Dim.DYNAMIC}
    path = tmp_path / "lenet.pt2"
    torch.export.save(torch.export.export(model, (torch.zeros(4, 1, 28, 28),), dynamic_shapes=(free,)), path)
    results = list(NetworkProperties().examine(replace(evidence, path=path)))
    # LeCun et al. 1998 with full connections, 28 x 28 padded by 2.
    assert value_of(results, "parameter_count") == 61_706
    assert value_of(results, "mac_count") == 416_520
    assert value_of(results, "activation_bytes") == 2 * 6 * 28 * 28 * 4
    assert value_of(results, "operator_count", label="conv2d") == 2
    assert value_of(results, "operator_count", label="linear") == 3


def test_a_program_whose_graph_cannot_be_had_has_parameters_and_a_reason_for_the_rest(
    evidence: ModelEvidence, tmp_path: Path
) -> None:
    import torch

    class Inverted(torch.nn.Module):  # type: ignore[misc]  # without PyTorch's types it is of any
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(4, 9), torch.nn.Linear(9, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            made = torch.linalg.inv(self.first(rows).reshape(-1, 3, 3)).reshape(-1, 9)
            scores: torch.Tensor = self.second(made)
            return scores

    free = {0: torch.export.Dim.DYNAMIC}
    path = tmp_path / "inverted.pt2"
    torch.export.save(torch.export.export(Inverted().eval(), (torch.randn(4, 4),), dynamic_shapes=(free,)), path)
    results = list(NetworkProperties().examine(replace(evidence, path=path)))
    assert value_of(results, "parameter_count") == 4 * 9 + 9 + 9 * 3 + 3
    assert "ONNX graph" in only(results, "mac_count").reason
    assert value_of(results, "operator_count", label="linear") == 2
