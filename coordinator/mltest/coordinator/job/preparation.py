"""From a submission to candidates with artifacts: everything that needs the builder, before anything is measured."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.analysis.measured import own
from mltest.coordinator.builder.builder import Artifact, Builder
from mltest.coordinator.builder.choice import left_out_texts
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.builder.recipes import enumerate_recipes, recipe_key
from mltest.coordinator.job.against import Against
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.recruiting import check_somebody_answers
from mltest.coordinator.job.reference import REFERENCE_ID, reference_candidate
from mltest.coordinator.store import CachedArtifact, InspectedFiles
from mltest.shared.domain import Candidate, CandidateUpdated, JobInfo, JobNote, ModelInfo, StepStarted
from mltest.shared.errors import MltestError
from mltest.shared.reference import reference_artifact


class Preparation:
    """Inspects, enumerates, builds; a step that an earlier life of the job has done is not done again."""

    def __init__(self, errand: Errand, folder: Path) -> None:
        self._errand = errand
        self._site = errand.site
        self._spec = errand.spec
        self._folder = folder

    async def run(self) -> None:
        """Leave model, dataset and candidates in the store; a candidate has an artifact or a reason.

        Raises:
            MltestError: model or data cannot be used, or no agent that the user named answers.

        """
        async with open_builder(self._folder) as builder:
            if await self._inspected_files() is None:
                await self._inspect(builder)
            against = Against(self._errand)
            await against.check(await self._model())
            await check_somebody_answers(self._errand)
            await self._build_all(builder)
            await against.add_candidates()
            await self._add_reference()

    async def _inspect(self, builder: Builder) -> None:
        await self._errand.tell(StepStarted(step="inspect", text=f"reading {self._spec.model.name} and its data"))
        inspection = await builder.inspect(
            self._spec,
            self._errand.plan,
            model=self._site.blobs.path(self._spec.model.sha256),
            data=[self._site.blobs.path(file.sha256) for file in self._spec.data],
            folder=self._folder,
        )
        dataset = await asyncio.to_thread(self._site.blobs.add_file, inspection.dataset_path)
        reference = await asyncio.to_thread(self._site.blobs.add_file, inspection.reference_path)
        self._errand.pin(dataset.sha256, reference.sha256)
        await self._site.thread.run(
            self._site.store.jobs.set_inspection,
            self._errand.job_id,
            inspection.model,
            replace(inspection.dataset, sha256=dataset.sha256),
            InspectedFiles(reference_sha256=reference.sha256, versions=inspection.versions),
        )
        await self._errand.tell(*(JobNote(text=note) for note in inspection.notes))

    async def _build_all(self, builder: Builder) -> None:
        job = await self._job()
        assert job.model is not None
        stored = await self._site.thread.run(self._site.store.jobs.candidates, job.job_id)
        candidates = own(stored)
        if not candidates:
            tools = await builder.tools(job.model, self._errand.plan)
            recipes = enumerate_recipes(job.model, self._errand.plan, tools=tools)
            candidates = recipes.candidates
            await self._keep(*candidates)
            if self._errand.plan.max_candidates:
                await self._errand.tell(*(JobNote(text=text) for text in left_out_texts(recipes.left_out)))
        await self._errand.tell(StepStarted(step="build", text=_making_text(candidates)))
        for candidate in candidates:
            if candidate.is_possible and self._has(candidate.artifact_sha256):
                continue
            if not candidate.reason:
                candidate = await self._build(builder, job, candidate)
                await self._keep(candidate)
            await self._errand.tell(CandidateUpdated(candidate=candidate))

    async def _build(self, builder: Builder, job: JobInfo, candidate: Candidate) -> Candidate:
        """Return `candidate` with its artifact, from the cache or made now, or with the reason why there is none."""
        files = await self._inspected_files()
        assert files is not None
        assert job.model is not None
        assert job.dataset is not None
        key = recipe_key(candidate, self._spec.model.sha256, files.versions, rows_sha256=job.dataset.sha256)
        cached = await self._site.thread.run(self._site.store.artifacts.get, key)
        if cached is None or not self._has(cached.sha256):
            try:
                artifact = await builder.build(
                    candidate,
                    self._spec,
                    job.model,
                    self._errand.plan,
                    model=self._site.blobs.path(self._spec.model.sha256),
                    rows=self._site.blobs.path(job.dataset.sha256),
                    folder=self._folder,
                )
            except MltestError as error:
                return replace(candidate, reason_code=error.code, reason=error.message)
            cached = await self._cache(key, artifact)
        self._errand.pin(cached.sha256)
        return replace(
            candidate,
            artifact_sha256=cached.sha256,
            artifact_bytes=cached.size_bytes,
            input_dtype=cached.input_dtype,
            options={**candidate.options, **cached.options},
        )

    async def _add_reference(self) -> None:
        """Put the pinned reference behind the candidates of the model."""
        path = self._folder / REFERENCE_ID
        await asyncio.to_thread(path.write_bytes, reference_artifact())
        blob = await asyncio.to_thread(self._site.blobs.add_file, path)
        self._errand.pin(blob.sha256)
        await self._keep(reference_candidate(blob.sha256))

    async def _cache(self, key: str, artifact: Artifact) -> CachedArtifact:
        blob = await asyncio.to_thread(self._site.blobs.add_file, artifact.path)
        made = CachedArtifact(
            sha256=blob.sha256,
            size_bytes=blob.size_bytes,
            input_dtype=artifact.input_dtype,
            options=artifact.options,
        )
        await self._site.thread.run(self._site.store.artifacts.put, key, made)
        return made

    def _has(self, sha256: str) -> bool:
        return self._site.blobs.status(sha256).is_complete

    async def _keep(self, *candidates: Candidate) -> None:
        await self._site.thread.run(self._site.store.jobs.put_candidates, self._errand.job_id, candidates)

    async def _job(self) -> JobInfo:
        return await self._site.thread.run(self._site.store.jobs.get, self._errand.job_id)

    async def _model(self) -> ModelInfo:
        job = await self._job()
        assert job.model is not None
        return job.model

    async def _inspected_files(self) -> InspectedFiles | None:
        files = await self._site.thread.run(self._site.store.jobs.inspected_files, self._errand.job_id)
        job = await self._job()
        if files is None or job.dataset is None:
            return None
        is_all_here = self._has(files.reference_sha256) and self._has(job.dataset.sha256)
        return files if is_all_here else None


def _making_text(candidates: Sequence[Candidate]) -> str:
    """Return how many are made; those that cannot be made are listed with their reasons, not counted."""
    count = sum(not candidate.reason for candidate in candidates)
    return f"making {count} {'candidate' if count == 1 else 'candidates'}"


@asynccontextmanager
async def open_builder(folder: Path) -> AsyncIterator[Builder]:
    """Yield a builder that works in `folder`; its child ends with the block, so that it disturbs no measurement."""
    await asyncio.to_thread(os.makedirs, folder, exist_ok=True)
    async with open_builders(folder, 1) as (builder,):
        yield builder


@asynccontextmanager
async def open_builders(folder: Path, count: int) -> AsyncIterator[tuple[Builder, ...]]:
    """Yield so many builders, each with a folder below `folder` and its share of the memory, as `open_builder`."""
    folders = [folder] if count == 1 else [folder / str(number) for number in range(count)]
    for one in folders:
        await asyncio.to_thread(os.makedirs, one, exist_ok=True)
    builders = tuple(ProcessBuilder(one, memory_share=1 / count) for one in folders)
    try:
        yield builders
    finally:
        for builder in builders:
            await builder.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
