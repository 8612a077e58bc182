"""ONNX Runtime on a GPU: absent with its reason where there is none, and never the processor in its place."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mltest.agent.environments.environments import Environments, environment_of, environments_of_machine
from mltest.agent.host.cuda_driver import cuda_obstacle
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.native.onnx_gpu_session import CUDA, TENSORRT, open_on_gpu
from mltest.agent.probe.probe import probe
from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.visit.worker_process import WorkerProcess
from mltest.shared.domain import Limits, Output, Task, VisitCandidate
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError, RuntimeMissingError
from mltest.shared.native.onnx_on_gpu import ON_GPU, ONNXRUNTIME_CUDA
from mltest.shared.native.predictions import Predictions, load_predictions

ENVIRONMENTS = Environments(environments_of_machine())
ROW_COUNT, FEATURE_COUNT = 1500, 8
LIMITS = Limits(
    load_timeout_ns=300_000_000_000, step_timeout_ns=60_000_000_000, visit_timeout_ns=600_000_000_000, memory_bytes=0
)
NO_GPU = cuda_obstacle()
REMEDY = runtime_named(ONNXRUNTIME_CUDA).needs.remedy
needs_no_gpu = pytest.mark.skipif(not NO_GPU, reason="there is a GPU; run it on a machine without one")
needs_gpu = pytest.mark.skipif(bool(NO_GPU), reason=f"{NO_GPU}; on a machine with a GPU: {REMEDY}")


def network(folder: Path) -> Path:
    """Write two layers that every provider has."""
    random = np.random.default_rng(0)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((FEATURE_COUNT, 16), (16, 3))]
    nodes = [
        helper.make_node("MatMul", ["X", "w0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w1"], ["scores"]),
    ]
    rows = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, FEATURE_COUNT])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 3])
    constants = [numpy_helper.from_array(values, f"w{index}") for index, values in enumerate(weights)]
    graph = helper.make_graph(nodes, "network", [rows], [scores], constants)
    path = folder / "network.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def candidate(runtime: str) -> VisitCandidate:
    return VisitCandidate(
        candidate_id=runtime,
        runtime=runtime,
        format="onnx",
        artifact_sha256="",
        task=Task.CLASSIFICATION,
        output=Output.SCORES,
        feature_count=FEATURE_COUNT,
        classes=("a", "b", "c"),
        input_dtype="float32",
    )


async def predicted(runtime: str, folder: Path) -> Predictions:
    """Return what a confined worker predicts, in the environment of the runtime."""
    model, data = network(folder), folder / "data.npz"
    np.savez(data, X=np.random.default_rng(1).normal(size=(ROW_COUNT, FEATURE_COUNT)))
    room = ExecLauncher().room(folder)
    await room.open()
    try:
        python = ENVIRONMENTS.python_of(runtime)
        worker = await WorkerProcess.spawn(candidate(runtime), LIMITS, room, readable=(model, data), python=python)
        await worker.load(model)
        await worker.read_rows(data, None)
        await worker.predict_to(worker.output("predictions.npz"))
        with await worker.fetch("predictions.npz") as stream:
            (folder / "found.npz").write_bytes(stream.read())
    finally:
        await room.close()
    return load_predictions(folder / "found.npz")


def test_the_worker_of_every_runtime_that_needs_a_gpu_may_use_one() -> None:
    assert {name for name, found in runtimes().items() if found.needs.needs_gpu} == set(ON_GPU)
    assert {environment_of(name) for name in ON_GPU} == {ONNXRUNTIME_CUDA}


@needs_no_gpu
async def test_where_there_is_no_driver_the_runtimes_are_absent_with_the_reason_and_what_mends_it(
    tmp_path: Path,
) -> None:
    found = await probe(tmp_path, offered=ON_GPU)
    absent = {one.name: one.reason for one in found.runtimes if one.name in ON_GPU}
    assert set(absent) == set(ON_GPU)
    for reason in absent.values():
        assert "driver of NVIDIA" in reason
        assert "nvidia-smi" in reason
        # Gigabytes that nothing here could use.
        assert "install" not in reason


@needs_no_gpu
@pytest.mark.parametrize("runtime", ON_GPU)
async def test_a_candidate_for_a_gpu_that_is_not_there_is_refused_and_not_run_on_the_processor(
    runtime: str, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeMissingError, match=f"{runtime}.*(?:Provider|onnxruntime)"):
        await predicted(runtime, tmp_path)
    assert (await predicted("onnxruntime", tmp_path)).labels is not None


@needs_no_gpu
@pytest.mark.parametrize("provider", [CUDA, TENSORRT])
def test_no_processor_runs_what_a_provider_does_not(provider: str, tmp_path: Path) -> None:
    with pytest.raises((ModelUnsupportedError, ModelInvalidError), match=provider):
        open_on_gpu(network(tmp_path), provider, {})


@needs_gpu
@pytest.mark.parametrize("runtime", ON_GPU)
async def test_a_gpu_predicts_what_the_processor_does(runtime: str, tmp_path: Path) -> None:
    known = await probe(tmp_path, environments=ENVIRONMENTS, offered=ON_GPU)
    (found,) = (one for one in known.runtimes if one.name == runtime)
    if not found.is_available:
        pytest.skip(found.reason)
    (tmp_path / "gpu").mkdir()
    (tmp_path / "cpu").mkdir()
    on_gpu, on_cpu = await predicted(runtime, tmp_path / "gpu"), await predicted("onnxruntime", tmp_path / "cpu")
    assert on_gpu.scores is not None
    assert on_cpu.scores is not None
    np.testing.assert_allclose(on_gpu.scores, on_cpu.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(on_gpu.labels, on_cpu.labels)
