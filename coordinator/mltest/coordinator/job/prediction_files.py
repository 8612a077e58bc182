"""The predictions of a job, as files that the builder can evaluate."""

from collections.abc import Sequence
from functools import partial

from mltest.coordinator.builder.builder import Builder, PredictionFile
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.evaluating import Evaluate, EvaluateWith
from mltest.coordinator.planning.plan import TestChoice
from mltest.shared.domain import JobInfo


async def prediction_files(errand: Errand) -> list[PredictionFile]:
    """Return all that agents sent but those of the pinned reference: nobody asks how well it predicts."""
    store, thread, job_id = errand.site.store, errand.site.thread, errand.job_id
    candidates = {one.candidate_id: one for one in await thread.run(store.jobs.candidates, job_id)}
    return [
        PredictionFile(
            candidate_id=found.candidate_id,
            agent_id=found.agent_id,
            path=errand.site.blobs.path(found.sha256),
            input_dtype=candidates[found.candidate_id].input_dtype or "float32",
            is_lossy=candidates[found.candidate_id].is_lossy,
            is_selected=candidates[found.candidate_id].is_selected,
        )
        for found in await thread.run(store.outcomes.predictions, job_id)
        if found.candidate_id in candidates and not candidates[found.candidate_id].is_reference
    ]


async def evaluate_with(errand: Errand, builder: Builder, job: JobInfo) -> EvaluateWith:
    """Return what makes, of tests, that which runs them on files of predictions in `builder`."""
    stored = await errand.site.thread.run(errand.site.store.jobs.inspected_files, job.job_id)
    assert stored is not None
    model, blobs = job.model, errand.site.blobs
    assert model is not None
    assert job.dataset is not None
    model_path, dataset_path = blobs.path(job.spec.model.sha256), blobs.path(job.dataset.sha256)
    reference_path = blobs.path(stored.reference_sha256)

    def with_tests(tests: Sequence[TestChoice]) -> Evaluate:
        ask = partial(
            builder.evaluate,
            tests,
            job.spec,
            model,
            errand.plan,
            model=model_path,
            dataset=dataset_path,
            reference=reference_path,
        )
        return lambda some: ask(predictions=some)

    return with_tests
