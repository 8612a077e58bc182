"""Programs of PyTorch that Inductor compiles: on the agent, in a confined child, or refused with the reason."""

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mltest.agent.environments.environments import Environments
from mltest.agent.native.compiled_libraries import CompiledLibraries
from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.exporters.torch_native import TorchCompileExport
from mltest.shared.domain import ModelInfo, Output, Task, VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError, ModelRefusedError
from mltest.shared.native.torch_module import BUILDER_REMEDY
from tests.contract.compiled import as_opened
from tests.hostile.programs import BIAS, REFUSED, WEIGHT, honest_parts, write_parts

WITH_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)
WITH_COMPILER = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler here; apt install g++")
ROWS = np.random.default_rng(0).normal(size=(130, 3)).astype(np.float32)
INFO = ModelInfo(
    format="pt2",
    family="linear",
    kind="PyTorch program",
    task=Task.CLASSIFICATION,
    output=Output.SCORES,
    feature_count=3,
    classes=("0", "1"),
    size_bytes=0,
)


def exported(folder: Path) -> tuple[Path, VisitCandidate]:
    program, target = write_parts(honest_parts(), folder / "model"), folder / "artifact"
    made = TorchCompileExport().export(ExportSource(path=program, info=INFO, native=None), target)
    assert target.read_bytes() == program.read_bytes()
    candidate = VisitCandidate(
        candidate_id="c",
        runtime=TorchCompileExport.needs.runtimes[0],
        format="pt2",
        artifact_sha256="",
        task=INFO.task,
        output=INFO.output,
        feature_count=INFO.feature_count,
        classes=INFO.classes,
        input_dtype=made.input_dtype,
        options=made.options,
    )
    return target, candidate


@pytest.mark.long
@WITH_TORCH
@WITH_COMPILER
def test_a_compiled_program_computes_what_its_weights_say_for_any_number_of_rows(tmp_path: Path) -> None:
    target, candidate = exported(tmp_path)
    library = as_opened(target, candidate)
    assert library.read_bytes()[:4] == b"\x7fELF"
    model = runtime_named(candidate.runtime).open(library, candidate)
    prepared = model.prepare(ROWS)
    expected = ROWS @ np.array(WEIGHT).T + np.array(BIAS)
    for size in (1, 2, 7, 130):
        found = np.asarray(model.answer(model.predict(prepared[:size]), size), dtype=np.float64)
        np.testing.assert_allclose(found, expected[:size], rtol=1e-5, atol=1e-6)
    inode = library.stat().st_ino
    assert as_opened(target, candidate).stat().st_ino == inode


@WITH_TORCH
@WITH_COMPILER
async def test_a_program_with_code_in_it_is_refused_before_it_is_compiled(tmp_path: Path) -> None:
    parts = honest_parts()
    REFUSED[next(iter(REFUSED))](parts)
    program = write_parts(parts, tmp_path / "model")
    with pytest.raises(ModelRefusedError):
        await CompiledLibraries(tmp_path / "kept").compiled_program(program, "a" * 64, 1)
    assert list((tmp_path / "kept").iterdir()) == []


async def test_without_a_compiler_the_command_that_installs_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program = write_parts(honest_parts(), tmp_path / "model")
    with pytest.raises(CallAbsentError, match=r"apt install g\+\+"):
        await CompiledLibraries(tmp_path / "kept").compiled_program(program, "a" * 64, 1)


def test_it_runs_in_the_environment_of_pytorch(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    found = Environments(tmp_path)
    assert found.python_of("torch-compile") == found.python_of("torch") == tmp_path / "torch" / "bin" / "python"
    assert runtime_named("torch-compile").needs.remedy == "mltest-agent runtimes install torch"


@WITH_TORCH
@pytest.mark.parametrize("options", [{}, {"row_shape": "3x"}, {"row_shape": "4"}, {"row_shape": "-1x-3"}])
def test_rows_of_a_shape_that_the_model_has_not_are_refused(options: dict[str, str], tmp_path: Path) -> None:
    target, candidate = exported(tmp_path)
    with pytest.raises(ModelInvalidError, match=r"row_shape is no shape|3 features"):
        runtime_named(candidate.runtime).open(target, replace(candidate, options=options))
    with pytest.raises(ModelInvalidError, match="cannot load what Inductor made"):
        runtime_named(candidate.runtime).open(target, candidate)
