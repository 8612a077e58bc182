"""What PyTorch would run of a file is not run here, and what its converters get wrong does not pass the gate."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.builder.evaluation import evaluations
from mltest.coordinator.builder.exporters.hummingbird_export import HummingbirdExport
from mltest.coordinator.builder.exporters.onnx_export import OnnxExport
from mltest.coordinator.builder.exporters.role import Exporter, ExportSource
from mltest.coordinator.builder.opened_model import opened_estimator
from mltest.coordinator.builder.yardstick import Yardstick
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import ConversionError, ModelRefusedError
from mltest.shared.native.outputs import describe_estimator
from mltest.shared.native.predictions import save_predictions
from mltest.shared.native.pt2_archive import read_program
from mltest.shared.native.torch_module import BUILDER_REMEDY
from tests.contract.artifacts import source_of
from tests.hostile.programs import honest_parts, write_parts

HAS_TORCH = find_spec("torch") is not None and find_spec("hummingbird") is not None
WITH_TORCH = pytest.mark.skipif(not HAS_TORCH, reason=BUILDER_REMEDY)

_LOADED_BY_PYTORCH = """
import io, logging, sys, torch
logging.disable()
for path in sys.argv[1:]:
    try:
        torch.export.load(path)
    except BaseException as error:
        print(str(error)[:40])
"""


@WITH_TORCH
def test_pytorch_itself_runs_what_is_refused_or_left_out_here(tmp_path: Path) -> None:
    unpickling = write_parts(honest_parts(), tmp_path / "pickle.pt2")
    parts, mark = honest_parts(), tmp_path / "was-here"
    shape = {"as_expr": {"expr_str": f"__import__('pathlib').Path('{mark}').touch()"}}
    parts["models/model.json"]["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0] = shape
    parts["data/sample_inputs/model.pt"] = b""
    evaluating = write_parts(parts, tmp_path / "shape.pt2")
    command = [sys.executable, "-c", _LOADED_BY_PYTORCH, str(unpickling), str(evaluating)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "a sample input was unpickled" in done.stdout
    assert mark.exists()

    mark.unlink()
    assert read_program(unpickling).facts.feature_count == 3
    with pytest.raises(ModelRefusedError):
        read_program(evaluating)
    assert not mark.exists()


@WITH_TORCH
def test_values_at_thresholds_are_named_by_the_gate_for_hummingbird_and_not_for_onnx(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 60, size=(400, 4)) / 100
    truth = (rows[:, 0] + rows[:, 1] * rows[:, 2] + random.normal(scale=0.05, size=400) > 0.35).astype(int)
    forest = RandomForestClassifier(16, max_depth=8, random_state=0).fit(rows, truth)
    found = {
        exporter.needs.name: _gated(exporter, forest, rows, tmp_path)
        for exporter in (HummingbirdExport(), OnnxExport())
    }
    assert found["onnx_export"].gate_reason == ""
    hummingbird = found["hummingbird_export"]
    assert hummingbird.differing_count > 0
    assert "differ" in hummingbird.gate_reason
    assert hummingbird.disagreements


def _gated(exporter: Exporter, forest: RandomForestClassifier, rows: NDArray[np.float64], folder: Path) -> Evaluation:
    native, path = describe_estimator(forest), folder / "forest.skops"
    skops.io.dump(forest, path)
    info = opened_estimator(native, (), file_format="skops", size_bytes=1).info
    target = folder / exporter.needs.name
    made = exporter.export(ExportSource(path=path, info=info, native=native), target)
    candidate = VisitCandidate(
        candidate_id="c",
        runtime=exporter.needs.runtimes[0],
        format=exporter.needs.formats["skops"],
        artifact_sha256="",
        task=info.task,
        output=info.output,
        feature_count=info.feature_count,
        classes=info.classes,
        input_dtype=made.input_dtype,
        options=made.options,
    )
    model = runtime_named(candidate.runtime).open(target, candidate)
    save_predictions(folder / "predictions.npz", model.predictions(model.prepare(rows)))
    file = PredictionFile(
        candidate_id="c", agent_id="a", path=folder / "predictions.npz", input_dtype=candidate.input_dtype
    )
    reference = native.predictions(native.prepare(rows))
    (evaluation,) = evaluations([], Yardstick(model=info, rows=rows, truth=None, reference=reference), [file])
    return evaluation


@pytest.mark.skipif(HAS_TORCH, reason="pip uninstall torch")
def test_without_hummingbird_the_command_that_mends_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        HummingbirdExport().export(source_of("forest, three classes", tmp_path), tmp_path / "target")
    assert BUILDER_REMEDY in caught.value.message
