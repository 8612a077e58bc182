"""What becomes of one model in every runtime: opened, made, run and gated by what a job uses, in this process."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.coordinator.builder.builder import Inspection, PredictionFile
from mltest.coordinator.builder.child_main import BuilderSide
from mltest.coordinator.builder.exporters.registry import exporter_needs, exporter_of
from mltest.coordinator.builder.exporters.tool import absence_of
from mltest.coordinator.builder.fastinference.place import TOOL
from mltest.coordinator.builder.fastinference.tool import FastInferenceTool
from mltest.coordinator.builder.recipes import Recipes, enumerate_recipes
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, FileRef, JobSpec, VisitCandidate
from mltest.shared.errors import MltestError, ToolMissingError
from mltest.shared.jsonable import from_jsonable, to_jsonable
from mltest.shared.native.predictions import Predictions, load_predictions, save_predictions
from tests.compatibility.families import Family, files_of
from tests.contract.compiled import as_opened
from tests.contract.own_environments import is_installed

OK, LOSSY, GATED, REFUSED, NOT_TRIED, NONE = "ok", "lossy", "gated", "refused", "not tried", "-"
"""NONE: the runtime has no such recipe."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One runtime for one family."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A family, tried."""

    family: str
    native: str
    """The runtime of the baseline."""
    cells: Mapping[str, Cell]
    """By runtime; the native one is among them."""


def columns() -> tuple[str, ...]:
    """Return the runtimes that models are converted for."""
    made = (needs for needs in exporter_needs() if not needs.is_native)
    return tuple(dict.fromkeys(name for needs in made for name in needs.runtimes))


def tried(family: Family) -> Row:
    """Try one family."""
    with opened(family) as job:
        return _tried(job)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one lossless recipe."""

    label: str
    cell: Cell
    differing: tuple[int, ...] = ()
    """Rows in which its label is not the native model's, counted here and not by the gate."""
    shown: tuple[int, ...] = ()
    """Rows that the gate keeps as disagreements."""
    tied: tuple[int, ...] = ()
    """Rows in which two classes share the native model's highest score, as far as float32 tells."""


def judged_lossless(family: Family) -> tuple[Judged, ...]:
    """Make, run and gate every lossless recipe of one family of classifiers but those of other tools."""
    with opened(family) as job:
        _, *others = job.recipes(Plan()).candidates
        return tuple(_judged(one, job) for one in others if not (one.is_lossy or exporter_of(one).needs.tool))


def _judged(candidate: Candidate, job: "Job") -> Judged:
    cell = cell_of(candidate, job)
    path = job.folder / f"{candidate.candidate_id}.npz"
    if cell.state not in (OK, GATED) or not path.is_file():
        return Judged(candidate.label, cell)
    found, native = load_predictions(path), load_predictions(job.inspection.reference_path)
    assert native.labels is not None
    assert found.labels is not None
    evaluation = _evaluation(replace(candidate, input_dtype="float32"), job)
    shown = tuple(row["row_index"] for row in evaluation["disagreements"])
    differing = tuple((found.labels != native.labels).nonzero()[0].tolist())
    return Judged(candidate.label, cell, differing, shown, _tied(native))


def _tied(native: Predictions) -> tuple[int, ...]:
    import numpy as np

    if native.scores is None or native.scores.shape[1] < 2:
        return ()
    ordered = np.sort(native.scores, axis=1)
    is_tied = ordered[:, -1] - ordered[:, -2] <= np.finfo(np.float32).eps * np.abs(ordered[:, -1])
    return tuple(is_tied.nonzero()[0].tolist())


def _tried(job: "Job") -> Row:
    baseline, *others = job.recipes(Plan()).candidates
    found: dict[str, Cell] = {}
    for candidate in (baseline, *others):
        # Several recipes for one runtime: one that works is enough.
        if _counts(candidate, others) and found.get(candidate.runtime, Cell(REFUSED)).state not in (OK, LOSSY):
            found[candidate.runtime] = cell_of(candidate, job)
    return Row(job.inspection.model.family, baseline.runtime, found)


def _counts(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    """Return whether a recipe belongs into the matrix: a lossy one only where its runtime has no other."""
    is_needed = all(other.is_lossy for other in others if other.runtime == candidate.runtime)
    return not candidate.transform and (not candidate.is_lossy or is_needed)


@dataclass(frozen=True, slots=True)
class Job:
    """A model that was inspected, and what makes its candidates."""

    side: BuilderSide
    spec: JobSpec
    inspection: Inspection
    model: Path
    folder: Path
    tool: FastInferenceTool
    runner: asyncio.Runner
    """Runs what the tool is asked for."""

    def recipes(self, plan: Plan) -> Recipes:
        """Return every candidate, the baseline first, and what is pruned."""
        parts = [variant.tool_part for needs in exporter_needs() if needs.tool for variant in needs.variants]
        report = self.runner.run(self.tool.look(tuple(filter(None, dict.fromkeys(parts))), plan))
        return enumerate_recipes(self.inspection.model, plan, tools={TOOL: report})


@contextmanager
def opened(family: Family) -> Iterator[Job]:
    """Train the model of a family and inspect it, in a folder that goes at the end."""
    with (
        tempfile.TemporaryDirectory() as name,
        threadpool_limits(limits=os.cpu_count()),
        asyncio.Runner() as runner,
    ):
        folder = Path(name)
        tool = FastInferenceTool(folder, memory_bytes=0)
        try:
            yield _inspected(family, folder, tool, runner)
        finally:
            runner.run(tool.close())


def _inspected(family: Family, folder: Path, tool: FastInferenceTool, runner: asyncio.Runner) -> Job:
    model, data = files_of(family, folder)
    spec = JobSpec(model=FileRef(name="model", sha256=""), data=(FileRef(name="data.npz", sha256=""),))
    side, plan = BuilderSide(), Plan()
    frame = {"model": str(model), "data": [str(data)], "folder": str(folder), "row_cap": plan.row_cap, "seed": 0}
    inspection = from_jsonable(side.inspect({"spec": to_jsonable(spec), **frame}), Inspection)
    return Job(side, spec, inspection, model, folder, tool, runner)


def cell_of(candidate: Candidate, job: Job) -> Cell:
    """Make one candidate, run it and gate it."""
    if candidate.reason:
        is_missing = candidate.reason_code == ToolMissingError.code
        is_absent = is_missing or candidate.reason == absence_of(exporter_of(candidate).needs)
        return Cell(NOT_TRIED if is_absent else REFUSED, candidate.reason)
    try:
        made = _made(candidate, job)
    except MltestError as error:
        return Cell(REFUSED, error.message)
    needs = runtime_named(candidate.runtime).needs
    if candidate.runtime in runtimes() and not is_installed(needs):
        return Cell(NOT_TRIED, needs.remedy)
    try:
        _predict(made, job)
    except MltestError as error:
        return Cell(REFUSED, error.message)
    reason = _gate(made, job)
    return Cell(GATED, reason) if reason else Cell(LOSSY if made.is_lossy else OK)


def _made(candidate: Candidate, job: Job) -> Candidate:
    """Return `candidate` with what making its artifact said."""
    answer = job.side.build(
        {
            "spec": to_jsonable(job.spec),
            "info": to_jsonable(job.inspection.model),
            "candidate": to_jsonable(candidate),
            "model": str(job.model),
            "target": str(job.folder / candidate.candidate_id),
            "rows": str(job.inspection.dataset_path) if candidate.uses_rows else "",
        }
    )
    target = job.folder / candidate.candidate_id
    if exporter_of(candidate).needs.tool:
        # What the exporter wrote is what the tool is asked for.
        job.runner.run(job.tool.generate(candidate, target, Plan())).replace(target)
    return replace(candidate, input_dtype=answer["input_dtype"], options=answer["options"])


def _predict(candidate: Candidate, job: Job) -> None:
    """Write the predictions for the whole dataset."""
    import numpy as np

    info = job.inspection.model
    visited = VisitCandidate(
        candidate_id=candidate.candidate_id,
        runtime=candidate.runtime,
        format=candidate.format,
        artifact_sha256="",
        task=info.task,
        output=info.output,
        feature_count=info.feature_count,
        classes=info.classes,
        input_dtype=candidate.input_dtype,
        options=candidate.options,
    )
    artifact = as_opened(job.folder / candidate.candidate_id, visited)
    opened = runtime_named(candidate.runtime).open(artifact, visited)
    with np.load(job.inspection.dataset_path) as arrays:
        rows = arrays["X"]
    save_predictions(job.folder / f"{candidate.candidate_id}.npz", opened.predictions(opened.prepare(rows)))


def _gate(candidate: Candidate, job: Job) -> str:
    """Return why the candidate must not be ranked; empty if it may be."""
    reason: str = _evaluation(candidate, job)["gate_reason"]
    return reason


def _evaluation(candidate: Candidate, job: Job) -> Mapping[str, Any]:
    name, dtype = candidate.candidate_id, candidate.input_dtype
    file = PredictionFile(
        candidate_id=name,
        agent_id="a",
        path=job.folder / f"{name}.npz",
        input_dtype=dtype,
        is_lossy=candidate.is_lossy,
    )
    answer = job.side.evaluate(
        {
            "tests": [],
            "test_limit_s": Plan().build_timeout_s,
            "spec": to_jsonable(job.spec),
            "model": str(job.model),
            "info": to_jsonable(job.inspection.model),
            "dataset": str(job.inspection.dataset_path),
            "reference": str(job.inspection.reference_path),
            "predictions": to_jsonable([file]),
        }
    )
    (evaluation,) = answer["evaluations"]
    found: Mapping[str, Any] = evaluation
    return found
