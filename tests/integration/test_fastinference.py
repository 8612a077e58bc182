"""FastInference itself, unmodified, driven as a job drives it; where it is not configured, its absence."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.builder import Artifact, Inspection, PredictionFile
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.builder.fastinference.place import VARIABLE
from mltest.coordinator.builder.recipes import Recipes, enumerate_recipes
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, FileRef, JobSpec, VisitCandidate
from mltest.shared.errors import ConversionError, DeadlineError
from mltest.shared.native.predictions import save_predictions
from tests.contract.compiled import as_opened
from tests.contract.tiny_boosters import BOOSTER_NAMES, tiny_booster, write_booster

needs_tool = pytest.mark.skipif(
    not os.environ.get(VARIABLE) or shutil.which("c++") is None,
    reason=f"git clone https://github.com/sbuschjaeger/fastinference; export {VARIABLE}=FOLDER (docs/fastinference.md)",
)
ASKED = Plan(only=("fastinference*",))
FOREST = RandomForestClassifier(8, max_depth=6, random_state=0)
HURRIED_S = 25.0
"""Enough for the builder to write the task, and not for the tool to compile thousands of nodes one by one."""
DATA = {"digits": load_digits, "cancer": load_breast_cancer, "diabetes": load_diabetes}
MODELS = {
    "digits, forest": ("digits", FOREST),
    "digits, extra trees": ("digits", ExtraTreesClassifier(4, random_state=0)),
    "cancer, boosting": ("cancer", GradientBoostingClassifier(n_estimators=6, random_state=0)),
    "cancer, tiny forest": ("cancer", RandomForestClassifier(3, max_depth=4, random_state=0)),
    "digits, boosting": ("digits", GradientBoostingClassifier(n_estimators=2, random_state=0)),
    "diabetes, forest": ("diabetes", RandomForestRegressor(4, max_depth=6, random_state=0)),
}

LARGE = {"digits, large forest": ("digits", RandomForestClassifier(64, random_state=0))}


@dataclass(frozen=True, slots=True)
class Case:
    """A model, inspected, and the builder that makes its candidates."""

    builder: ProcessBuilder
    folder: Path
    spec: JobSpec
    inspection: Inspection

    async def recipes(self, plan: Plan) -> Recipes:
        tools = await self.builder.tools(self.inspection.model, plan)
        return enumerate_recipes(self.inspection.model, plan, tools=tools)

    async def made(self, label: str) -> tuple[VisitCandidate, Path, Candidate]:
        """Return a candidate as an agent gets it, and its source."""
        found = {one.label: one for one in (await self.recipes(ASKED)).candidates}[label]
        info = self.inspection.model
        artifact = await self.built(found, ASKED)
        visited = VisitCandidate(
            candidate_id=found.candidate_id,
            runtime=found.runtime,
            format=found.format,
            artifact_sha256="",
            task=info.task,
            output=info.output,
            feature_count=info.feature_count,
            classes=info.classes,
            input_dtype=artifact.input_dtype,
            options={**artifact.options},
        )
        return visited, artifact.path, found

    async def built(self, found: Candidate, plan: Plan) -> Artifact:
        """Return the artifact of a candidate."""
        return await self.builder.build(
            found,
            self.spec,
            self.inspection.model,
            plan,
            model=self.folder / "model",
            rows=self.inspection.dataset_path,
            folder=self.folder,
        )

    async def gate(self, label: str) -> Any:
        """Return what the gate says of one candidate."""
        visited, source, found = await self.made(label)
        model = runtime_named("fastinference").open(as_opened(source, visited), visited)
        with np.load(self.inspection.dataset_path) as arrays:
            predictions = model.predictions(model.prepare(arrays["X"]))
        path = self.folder / "predictions.npz"
        save_predictions(path, predictions)
        file = PredictionFile(
            candidate_id="c",
            agent_id="a",
            path=path,
            input_dtype=visited.input_dtype,
            is_lossy=found.is_lossy,
            is_selected=found.is_selected,
        )
        (evaluation,) = await self.builder.evaluate(
            (),
            self.spec,
            self.inspection.model,
            ASKED,
            model=self.folder / "model",
            dataset=self.inspection.dataset_path,
            reference=self.inspection.reference_path,
            predictions=[file],
        )
        return evaluation


async def opened(builder: ProcessBuilder, folder: Path, name: str, rows: NDArray[Any] | None = None) -> Case:
    dataset, estimator = (MODELS | LARGE)[name]
    data, truth = DATA[dataset](return_X_y=True)
    skops.io.dump(estimator.fit(data[::2], truth[::2]), folder / "model")
    held_out = data[1::2] if rows is None else rows
    np.savez(folder / "data.npz", X=held_out, y=truth[1::2][: len(held_out)])
    return await inspected(builder, folder)


async def opened_booster(builder: ProcessBuilder, folder: Path, name: str) -> Case:
    if name not in BOOSTER_NAMES:
        pytest.skip(f"pip install 'mltest-fleet[runtimes-{name.partition(',')[0]}]'")
    shutil.copyfile(write_booster(name, folder), folder / "model")
    np.savez(folder / "data.npz", X=tiny_booster(name).rows)
    return await inspected(builder, folder)


async def inspected(builder: ProcessBuilder, folder: Path) -> Case:
    spec = JobSpec(model=FileRef(name="model.skops", sha256=""), data=(FileRef(name="data.npz", sha256=""),))
    inspection = await builder.inspect(spec, ASKED, model=folder / "model", data=[folder / "data.npz"], folder=folder)
    return Case(builder, folder, spec, inspection)


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is in `folder`; those that have ended and wait have none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found


@pytest.fixture
async def builder(tmp_path: Path) -> AsyncIterator[ProcessBuilder]:
    found = ProcessBuilder(tmp_path)
    yield found
    await found.close()


@needs_tool
@pytest.mark.parametrize("name", MODELS)
async def test_what_is_made_unasked_is_the_model_without_loss(
    builder: ProcessBuilder, tmp_path: Path, name: str
) -> None:
    case = await opened(builder, tmp_path, name)
    for label in ("fastinference, native", "fastinference, native reorder", "fastinference, if-else"):
        evaluation = await case.gate(label)
        assert evaluation.gate_reason == "", label
        assert evaluation.differing_count == 0, label


@needs_tool
@pytest.mark.parametrize(
    "name",
    ["xgboost, two classes", "xgboost, three classes", "xgboost, counts", "lightgbm, two classes", "lightgbm, values"],
)
async def test_models_of_other_libraries_lose_nothing(builder: ProcessBuilder, tmp_path: Path, name: str) -> None:
    case = await opened_booster(builder, tmp_path, name)
    for label in ("fastinference, native", "fastinference, if-else"):
        evaluation = await case.gate(label)
        assert (evaluation.gate_reason, evaluation.differing_count) == ("", 0), label


@needs_tool
@pytest.mark.parametrize(
    ("name", "reason"), [("xgboost, gaps", "missing values"), ("xgboost, categories", "no splits by category")]
)
async def test_what_its_trees_cannot_say_is_refused(
    builder: ProcessBuilder, tmp_path: Path, name: str, reason: str
) -> None:
    case = await opened_booster(builder, tmp_path, name)
    with pytest.raises(ConversionError, match=reason):
        await case.made("fastinference, native")


@needs_tool
@pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump here; apt install binutils")
@pytest.mark.parametrize("kind", ["path", "node"])
async def test_kernels_are_the_model_without_loss(builder: ProcessBuilder, tmp_path: Path, kind: str) -> None:
    evaluation = await (await opened(builder, tmp_path, "cancer, tiny forest")).gate(
        f"fastinference, if-else {kind} kernel"
    )
    assert (evaluation.gate_reason, evaluation.differing_count) == ("", 0)


@needs_tool
async def test_swap_is_gated_with_the_rows_that_it_changes(builder: ProcessBuilder, tmp_path: Path) -> None:
    evaluation = await (await opened(builder, tmp_path, "digits, forest")).gate("fastinference, if-else swap")
    assert "labels differ from the native model" in evaluation.gate_reason
    assert evaluation.differing_count > 20
    assert evaluation.disagreements


@needs_tool
async def test_a_result_says_which_tool_made_it_and_how(builder: ProcessBuilder, tmp_path: Path) -> None:
    case = await opened(builder, tmp_path, "digits, forest")
    visited, source, _ = await case.made("fastinference, native")
    assert visited.options["fastinference"]
    assert visited.options["fastinference_python"].startswith("Python 3")
    assert visited.options["flags"] == "-std=c++17 -fPIC -shared -ffp-contract=off -O2"
    first = source.read_bytes()
    assert (await case.made("fastinference, native"))[1].read_bytes() == first


@needs_tool
@pytest.mark.parametrize("variant", ["quantize leafs", "leaf-refinement", "weight-refinement"])
async def test_lossy_recipes_pass_their_own_gate(builder: ProcessBuilder, tmp_path: Path, variant: str) -> None:
    evaluation = await (await opened(builder, tmp_path, "digits, forest")).gate(f"fastinference, native {variant}")
    agreement = [result.value for result in evaluation.results if result.metric == "label_agreement"]
    assert agreement and agreement[0] > 0.7


@needs_tool
async def test_what_is_broken_upstream_is_told_in_its_own_words(builder: ProcessBuilder, tmp_path: Path) -> None:
    case = await opened(builder, tmp_path, "digits, forest")
    pruned = {cell.label: cell.reason for cell in (await case.recipes(Plan())).pruned}
    assert "SyntaxError" in pruned["fastinference, native proxpruning"]
    assert "Error: " in pruned["fastinference, native pruning"]


@needs_tool
@pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump here; apt install binutils")
async def test_generating_beyond_the_time_of_the_plan_is_refused_and_leaves_no_process(
    builder: ProcessBuilder, tmp_path: Path
) -> None:
    case = await opened(builder, tmp_path, "digits, large forest")
    found = {one.label: one for one in (await case.recipes(ASKED)).candidates}["fastinference, if-else path kernel"]
    hurried = replace(ASKED, build_timeout_s=HURRIED_S)
    assert processes_in(tmp_path / "fastinference"), "the tool waits for its next task"
    with pytest.raises(DeadlineError, match=r"generating C\+\+ with FastInference took longer than 25 s"):
        await case.built(found, hurried)
    assert not processes_in(tmp_path / "fastinference"), "neither the tool nor a compiler that it started"
    assert (await case.made("fastinference, native"))[1].is_file(), "the next one is made all the same"


@needs_tool
async def test_gaps_that_its_code_sends_elsewhere_are_refused(builder: ProcessBuilder, tmp_path: Path) -> None:
    rows = load_digits().data[1::2].copy()
    rows[::3] = np.nan
    case = await opened(builder, tmp_path, "digits, forest", rows)
    with pytest.raises(ConversionError, match="missing values"):
        await case.made("fastinference, native")


async def test_another_project_of_that_name_is_refused_by_name(
    builder: ProcessBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / "fastinference").mkdir(parents=True)
    (other / "fastinference" / "__init__.py").write_text('raise SystemExit("it was imported")')
    notes = other / "fastinference-0.0.36.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fastinference\nVersion: 0.0.36\nHome-page: https://github.com/muellerzr/fastinference\n"
    )
    monkeypatch.setenv(VARIABLE, f"{other}:{sys.executable}")
    case = await opened(builder, tmp_path, "digits, forest")
    (found,) = [one for one in (await case.recipes(Plan())).candidates if one.runtime == "fastinference"]
    assert found.reason_code == "TOOL_MISSING"
    assert "another project of that name, 0.0.36 (https://github.com/muellerzr/fastinference)" in found.reason
    assert "not that of github.com/sbuschjaeger" in found.reason


async def test_a_tool_that_lacks_its_libraries_says_what_fails(
    builder: ProcessBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    for name in ("Loader.py", "models/Tree.py", "implementations/tree/cpp/native/base.j2"):
        (broken / "fastinference" / name).parent.mkdir(parents=True, exist_ok=True)
        (broken / "fastinference" / name).write_text("import no_such_library\n")
    monkeypatch.setenv(VARIABLE, str(broken))
    case = await opened(builder, tmp_path, "digits, forest")
    (found,) = [one for one in (await case.recipes(Plan())).candidates if one.runtime == "fastinference"]
    assert "ModuleNotFoundError: No module named 'no_such_library'" in found.reason
    assert VARIABLE in found.reason
