"""The builder that works in a child process of this one."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mltest.coordinator.builder.builder import (
    DATASET_NAME,
    REFERENCE_NAME,
    Artifact,
    Evaluation,
    Inspection,
    PredictionFile,
)
from mltest.coordinator.builder.compiled_artifacts import CompiledArtifacts
from mltest.coordinator.builder.exporters.registry import exporter_needs, exporter_of
from mltest.coordinator.builder.fastinference.place import TOOL
from mltest.coordinator.builder.fastinference.tool import FastInferenceTool
from mltest.coordinator.builder.obstacles import exporter_obstacle
from mltest.coordinator.builder.tool_report import ToolReport
from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.shared.children.child import Child, ChildLimits, Confinement
from mltest.shared.children.frames import Frame
from mltest.shared.domain import Candidate, DatasetInfo, JobSpec, ModelInfo, Result
from mltest.shared.errors import ChildCrashedError, DeadlineError, MltestError, ResourceLimitError
from mltest.shared.jsonable import from_jsonable, to_jsonable

AnswerT = TypeVar("AnswerT")

_MODULE = "mltest.coordinator.builder.child_main"
_MEMORY_SHARE = 0.8
_TEST_SHARE = 0.8
"""Of the time of a request that one test may take: it then says itself where it was."""
_FILE_BYTES = 8 << 30
"""Largest file that the child may write."""
_FATAL = (ChildCrashedError, DeadlineError, ResourceLimitError)
"""After these the next request gets a fresh child."""


class ProcessBuilder:
    """One child for as long as it lives, restarted after a crash or a time-out; one request at a time.

    It reads the files of the request and writes below `folder`, nothing else; a request with other files gets a fresh
    child. A program of others that finishes an artifact has a second child, with its own interpreter.
    """

    def __init__(self, folder: Path, *, memory_share: float = 1.0) -> None:
        """Work in `folder`; of the memory that children get unless a plan says how much, this one gets a share."""
        self._folder = folder
        self._memory_bytes = int(_machine_bytes() * _MEMORY_SHARE * memory_share)
        self._child: Child | None = None
        self._readable: frozenset[Path] = frozenset()
        """What the child may read beside its folder."""
        self._turn = asyncio.Lock()
        self._compiled = CompiledArtifacts(folder)
        self._tool = FastInferenceTool(folder, memory_bytes=self._memory_bytes)

    async def inspect(
        self, spec: JobSpec, plan: Plan, *, model: Path, data: Sequence[Path], folder: Path
    ) -> Inspection:
        """Open model and data, check that they fit, write the canonical dataset and the reference predictions."""
        frame = {
            "command": "inspect",
            "spec": to_jsonable(spec),
            "model": _absolute(model),
            "data": [_absolute(path) for path in data],
            "folder": _absolute(folder),
            "row_cap": plan.row_cap,
            "seed": plan.seed,
        }
        limit_s = plan.load_timeout_s + plan.step_timeout_s
        what = f"opening {spec.model.name} and its data"
        answer = await self._request(frame, plan, timeout_s=limit_s, what=what, reads=[model, *data])
        inspection = _readable_as(Inspection, answer)
        # Whoever wrote the model may have written this answer: the files are where they were asked for.
        return replace(
            inspection,
            dataset_path=_made_file(folder / DATASET_NAME),
            reference_path=_made_file(folder / REFERENCE_NAME),
        )

    async def build(
        self, candidate: Candidate, spec: JobSpec, info: ModelInfo, plan: Plan, *, model: Path, rows: Path, folder: Path
    ) -> Artifact:
        """Make the artifact of `candidate`: transform, then export."""
        path = folder / f"{candidate.candidate_id}.artifact"
        frame = {
            "command": "build",
            "candidate": to_jsonable(candidate),
            "spec": to_jsonable(spec),
            "info": to_jsonable(info),
            "model": _absolute(model),
            "rows": _absolute(rows) if candidate.uses_rows else "",
            "target": _absolute(path),
        }
        what = f"making the {candidate.format} artifact"
        reads = [model, rows] if candidate.uses_rows else [model]
        answer = await self._request(frame, plan, timeout_s=plan.build_timeout_s, what=what, reads=reads)
        made = _readable_as(Artifact, {**answer, "path": _absolute(_made_file(path))})
        if not exporter_of(candidate).needs.tool:
            return made
        return replace(made, path=_made_file(await self._tool.generate(candidate, made.path, plan)))

    async def tools(self, model: ModelInfo, plan: Plan) -> Mapping[str, ToolReport]:
        """Look at the tools of the exporters that take `model`, unless the plan wants none of their runtimes."""
        wanted = [
            found
            for found in exporter_needs()
            if found.tool == TOOL
            and not exporter_obstacle(found, model)
            and (not plan.runtimes or set(found.runtimes) & set(plan.runtimes))
        ]
        if not wanted:
            return {}
        parts = [variant.tool_part for found in wanted for variant in found.variants if variant.tool_part]
        return {TOOL: await self._tool.look(tuple(dict.fromkeys(parts)), plan)}

    async def evaluate(
        self,
        tests: Sequence[TestChoice],
        spec: JobSpec,
        info: ModelInfo,
        plan: Plan,
        *,
        model: Path,
        dataset: Path,
        reference: Path,
        predictions: Sequence[PredictionFile],
    ) -> tuple[Evaluation, ...]:
        """Run the prediction tests on every file."""
        frame = {
            "command": "evaluate",
            "test_limit_s": _TEST_SHARE * plan.build_timeout_s,
            "tests": [_named(choice) for choice in tests],
            "spec": to_jsonable(spec),
            "info": to_jsonable(info),
            "model": _absolute(model),
            "dataset": _absolute(dataset),
            "reference": _absolute(reference),
            "predictions": to_jsonable(predictions),
        }
        reads = [model, dataset, reference, *(file.path for file in predictions)]
        what = "comparing predictions"
        answer = await self._request(frame, plan, timeout_s=plan.build_timeout_s, what=what, reads=reads)
        return _readable_as(tuple[Evaluation, ...], answer.get("evaluations"))

    async def examine(
        self,
        test: TestChoice,
        spec: JobSpec,
        info: ModelInfo,
        dataset_info: DatasetInfo,
        plan: Plan,
        *,
        model: Path,
        dataset: Path,
        reference: Path,
        training: Sequence[Path],
    ) -> tuple[Result, ...]:
        """Run one test of the submitted model and its data."""
        frame = {
            "command": "examine",
            "test_limit_s": _TEST_SHARE * plan.build_timeout_s,
            "test": _named(test),
            "spec": to_jsonable(spec),
            "info": to_jsonable(info),
            "dataset_info": to_jsonable(dataset_info),
            "model": _absolute(model),
            "dataset": _absolute(dataset),
            "reference": _absolute(reference),
            "training": [_absolute(path) for path in training],
        }
        reads = [model, dataset, reference, *training]
        what = f"the test {test.class_name}"
        answer = await self._request(frame, plan, timeout_s=plan.build_timeout_s, what=what, reads=reads)
        results = _readable_as(tuple[Result, ...], answer.get("results"))
        # Whoever wrote the model may have written this answer: it speaks of the model, and of no candidate.
        return tuple(result for result in results if not result.candidate_id and not result.agent_id)

    async def compare(
        self,
        test: TestChoice,
        candidate: Candidate,
        spec: JobSpec,
        info: ModelInfo,
        dataset_info: DatasetInfo,
        plan: Plan,
        *,
        artifact: Path,
        model: Path,
        dataset: Path,
        reference: Path,
        others: Sequence[Path] = (),
    ) -> tuple[Result, ...]:
        """Run one test of a lossy candidate's artifact beside the submitted model; its source is compiled first."""
        opened = await self._compiled.opened(candidate, Path(_absolute(artifact)))
        frame = {
            "command": "compare",
            "test_limit_s": _TEST_SHARE * plan.build_timeout_s,
            "test": _named(test),
            "candidate": to_jsonable(candidate),
            "artifact": _absolute(opened),
            "spec": to_jsonable(spec),
            "info": to_jsonable(info),
            "dataset_info": to_jsonable(dataset_info),
            "model": _absolute(model),
            "dataset": _absolute(dataset),
            "reference": _absolute(reference),
            "training": [],
        }
        reads = [artifact, *others, model, dataset, reference]
        what = f"the test {test.class_name} of {candidate.label}"
        answer = await self._request(frame, plan, timeout_s=plan.build_timeout_s, what=what, reads=reads)
        results = _readable_as(tuple[Result, ...], answer.get("results"))
        return tuple(one for one in results if one.candidate_id == candidate.candidate_id and not one.agent_id)

    async def close(self) -> None:
        """End the child, and that of a tool."""
        await self._tool.close()
        await self._end_child()

    async def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _request(self, frame: Frame, plan: Plan, *, timeout_s: float, what: str, reads: Sequence[Path]) -> Frame:
        async with self._turn:
            if not self._readable.issuperset(reads):
                await self._end_child()
            child = self._child or await self._spawn(plan, reads)
            self._child = child
            try:
                return await child.request(frame, timeout_s=timeout_s, what=what)
            except MltestError as error:
                if isinstance(error, _FATAL):
                    await self._end_child()
                raise
            except BaseException:
                # An answer that nobody waits for any more would be taken for that of the next request.
                await self._end_child()
                raise

    async def _spawn(self, plan: Plan, reads: Sequence[Path]) -> Child:
        limits = ChildLimits(
            memory_bytes=plan.memory_bytes or self._memory_bytes,
            file_bytes=_FILE_BYTES,
            confinement=Confinement.MODEL,
            readable=tuple(_absolute(path) for path in reads),
        )
        self._readable = frozenset(reads)
        return await Child.spawn(_MODULE, folder=self._folder.absolute(), limits=limits)


def _named(test: TestChoice) -> Frame:
    return {"module": test.module, "class_name": test.class_name, "params": dict(test.params)}


def _readable_as(kind: type[AnswerT], answer: object) -> AnswerT:
    """Return `answer` as a value of `kind`; ChildCrashedError if it is none."""
    try:
        return from_jsonable(answer, kind)
    except Exception as error:
        raise ChildCrashedError(how=f"its answer makes no sense ({type(error).__name__})") from error


def _made_file(path: Path) -> Path:
    """Return `path` if the child made a file there, and not a way to another one."""
    if path.is_symlink() or not path.is_file():
        raise ChildCrashedError(how=f"it wrote no {path.name}")
    return path


def _absolute(path: Path) -> str:
    """Return `path` as the child, which works in another folder, finds it."""
    return str(path.absolute())


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
