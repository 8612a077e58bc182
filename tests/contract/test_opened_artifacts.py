"""What an attack asks where tests are made says what agents say of the same artifact."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.compiled_artifacts import CompiledArtifacts
from mltest.coordinator.builder.exporters.role import Exporter
from mltest.coordinator.builder.openable import openable_obstacle
from mltest.coordinator.builder.opened_artifact import opened_artifact
from mltest.shared.domain import Candidate, ModelInfo, Output, Task, VisitCandidate
from mltest.shared.errors import ToolMissingError
from mltest.shared.native.torch_module import BUILDER_REMEDY
from tests.contract.artifacts import NOT_CONVERTED, made_artifact, rows_of, taken_pairs
from tests.contract.own_environments import add_own_environments, skipped_unless_made_and_run

add_own_environments()

_MODELS = (
    "forest, three classes",
    "network, two classes",
    "ridge, two classes",
    "xgboost, two classes",
)
_PAIRS = [(name, exporter) for name, exporter in taken_pairs() if (name, exporter.needs.name) not in NOT_CONVERTED]
CASES = [
    pytest.param(name, exporter, id=f"{exporter.needs.name}-{name}", marks=skipped_unless_made_and_run(exporter.needs))
    for name, exporter in _PAIRS
    if name in _MODELS or (exporter.needs.runtimes[0] in ("lightgbm", "lleaves", "catboost") and "two classes" in name)
]


def as_planned(candidate: VisitCandidate) -> Candidate:
    return Candidate(
        candidate_id="c",
        label="c",
        runtime=candidate.runtime,
        format=candidate.format,
        input_dtype=candidate.input_dtype,
        options=dict(candidate.options),
    )


@pytest.mark.parametrize(("name", "exporter"), CASES)
async def test_it_says_what_the_runtime_says(name: str, exporter: Exporter, tmp_path: Path) -> None:
    made, rows = made_artifact(name, exporter), rows_of(name)
    candidate = as_planned(made.candidate)
    assert openable_obstacle(candidate) == ""
    path = await CompiledArtifacts(tmp_path).opened(candidate, made.artifact)
    said = opened_artifact(path, candidate, made.source.info, allows_pickle=False)(rows)
    theirs = runtime_named(made.candidate.runtime).open(made.path, made.candidate)
    expected = theirs.predictions(theirs.prepare(rows))
    assert said.labels is not None and expected.labels is not None
    np.testing.assert_array_equal(said.labels, expected.labels)
    assert (said.scores is None) == (expected.scores is None)
    if said.scores is not None and expected.scores is not None:
        np.testing.assert_allclose(said.scores, expected.scores, rtol=1e-5, atol=1e-6)
    assert said.are_probabilities == expected.are_probabilities


async def test_a_source_is_compiled_once_for_its_flags(tmp_path: Path) -> None:
    (exporter,) = [found for name, found in _PAIRS if (name, found.needs.name) == (_MODELS[0], "c_export")]
    made = made_artifact(_MODELS[0], exporter)
    candidate, compiled = as_planned(made.candidate), CompiledArtifacts(tmp_path)
    first = await compiled.opened(candidate, made.artifact)
    assert await compiled.opened(candidate, made.artifact) == first
    other = Candidate(candidate_id="d", label="d", runtime="c", format="c-source", options={"optimise": "O1"})
    assert await compiled.opened(other, made.artifact) != first


async def test_without_a_compiler_it_is_said_what_installs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = tmp_path / "model.c"
    source.write_text("int one;")
    candidate = Candidate(candidate_id="x", label="x", runtime="c", format="c-source")
    with pytest.raises(ToolMissingError, match=r"none on the coordinator's machine: apt install gcc"):
        await CompiledArtifacts(tmp_path).opened(candidate, source)


@pytest.mark.skipif(find_spec("ai_edge_litert") is not None, reason="pip uninstall ai-edge-litert")
def test_a_library_that_is_not_here_is_named_with_what_installs_it() -> None:
    candidate = Candidate(candidate_id="x", label="x", runtime="litert", format="tflite")
    assert "pip install 'mltest-fleet[runtimes-litert]'" in openable_obstacle(candidate)


@pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)
@pytest.mark.parametrize("runtime", ["torch", "torch-compile"])
def test_a_program_of_pytorch_is_asked_in_the_shape_of_its_rows(runtime: str, tmp_path: Path) -> None:
    import torch

    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 3))
    dimension = torch.export.Dim.DYNAMIC
    exported = torch.export.export(network, (torch.zeros(2, 2, 3),), dynamic_shapes=({0: dimension},))
    torch.export.save(exported, tmp_path / "network.pt2")
    rows = np.random.default_rng(0).normal(size=(50, 6))
    candidate = Candidate(candidate_id="c", label="c", runtime=runtime, format="pt2", input_dtype="float32")
    model = ModelInfo(
        format="pt2",
        family="network",
        kind="network",
        task=Task.CLASSIFICATION,
        output=Output.SCORES,
        feature_count=6,
        classes=("0", "1", "2"),
        size_bytes=0,
    )
    said = opened_artifact(tmp_path / "network.pt2", candidate, model, allows_pickle=False)(rows)
    expected = network(torch.from_numpy(rows.astype("float32")).reshape(-1, 2, 3)).detach().numpy()
    assert said.labels is not None and said.scores is not None
    np.testing.assert_array_equal(said.labels, expected.argmax(axis=1))
    np.testing.assert_allclose(said.scores, expected, rtol=1e-5, atol=1e-6)
