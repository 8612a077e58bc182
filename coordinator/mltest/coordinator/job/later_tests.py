"""Tests of a job that is over, made from what is stored of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.builder.builder import PredictionFile
from mltest.coordinator.job.conclusion import Conclusion
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.later_predictions import LaterPredictions
from mltest.coordinator.job.prediction_files import prediction_files
from mltest.coordinator.job.preparation import open_builder
from mltest.coordinator.job.renewal import Renewal, unfinished_tests
from mltest.coordinator.job.site import Site
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.later import later_plan, renewable_names
from mltest.coordinator.tests.registry import registered_tests
from mltest.shared.domain import JobInfo, JobNote
from mltest.shared.errors import BlobUnknownError, JobStateError


async def evaluated_later(
    site: Site, job: JobInfo, asked: Plan, *, again: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the tests of `asked`, and those of the job's own plan that it lacks; conclude again, also if it is stopped.

    What a test said before stays until its new results are stored, and longer if it only breaks now.

    Args:
        site: nothing is being measured there.
        job: it is over.
        asked: only its tests count.
        again: also those that have results; if `asked` has none, those that broke or did not finish in their time.

    Returns:
        Names of the tests that were made, and what could not be evaluated.

    Raises:
        JobStateError: the job goes on, or its model was never read.
        PlanInvalidError: a test is asked for that only agents can make.
        BlobUnknownError: model or data are not stored any more.

    """
    _check_state(job)
    assert job.model is not None
    assert job.dataset is not None
    asked, renewal = await _renewal(site, job, asked) if again else (asked, Renewal())
    plan = later_plan(parse_plan(job.spec.plan_toml), asked, job.model, job.dataset, replaces=again)
    with ExitStack() as pins:
        errand = Errand(
            site=site,
            job_id=job.job_id,
            spec=job.spec,
            plan=plan,
            stop=asyncio.Event(),
            restarting=asyncio.Event(),
            pins=pins,
        )
        await _pin(errand, job)
        before = await _counts(site, job.job_id)
        await _evaluate(errand, job, site.work_folder / job.job_id, renewal)
    added = (await _counts(site, job.job_id) - before).keys()
    made = tuple(dict.fromkeys((*added, *sorted(renewal.made))))
    if made:
        await errand.tell(JobNote(text=f"made later: {', '.join(made)}"))
    return made, (*await _notes(errand), *_kept_notes(renewal))


async def _renewal(site: Site, job: JobInfo, asked: Plan) -> tuple[Plan, Renewal]:
    """Return the plan of what is asked for, and which of it is made anew."""
    assert job.model is not None
    assert job.dataset is not None
    if asked.tests or asked.test_names:
        return asked, Renewal(is_asked=True, names=renewable_names(asked, job.model, job.dataset))
    evaluations = await site.thread.run(site.store.outcomes.evaluations, job.job_id)
    names = unfinished_tests([result for found in evaluations for result in found.results])
    known = tuple(found.name for found in registered_tests() if found.name in names and found is not Agreement)
    # A plan that names nothing would mean the default tests.
    return replace(asked, test_names=known or (Agreement.name,)), Renewal(is_asked=True, names=frozenset(known))


def _kept_notes(renewal: Renewal) -> list[str]:
    return [f"{name}: {reason}; what it said before stays." for name, reason in sorted(renewal.kept.items())]


async def _evaluate(errand: Errand, job: JobInfo, folder: Path, renewal: Renewal) -> None:
    conclusion, later = Conclusion(errand, folder, renewal), LaterPredictions(errand, errand.plan.tests, renewal)
    try:
        if not await later.is_done(job):
            async with open_builder(folder) as builder:
                await later.run(builder, job)
        await conclusion.evaluate()
    finally:
        await conclusion.summarise()


def _check_state(job: JobInfo) -> None:
    if not job.state.is_over:
        raise JobStateError(job_id=job.job_id, state=job.state.value, detail="wait for its end, or cancel it")
    if job.model is None or job.dataset is None:
        raise JobStateError(job_id=job.job_id, state=job.state.value, detail="its model was never read")


async def _pin(errand: Errand, job: JobInfo) -> None:
    """Keep what is read from making room for others; what a test cannot do without has to be here."""
    store, thread = errand.site.store, errand.site.thread
    stored = await thread.run(store.jobs.inspected_files, job.job_id)
    assert stored is not None
    assert job.dataset is not None
    needed = {
        job.spec.model.name: job.spec.model.sha256,
        "the rows of the data": job.dataset.sha256,
        "what the model said of them": stored.reference_sha256,
        **{file.name: file.sha256 for file in job.spec.training},
    }
    predictions = await thread.run(store.outcomes.predictions, job.job_id)
    candidates = await thread.run(store.jobs.candidates, job.job_id)
    artifacts = (one.artifact_sha256 for one in candidates if one.artifact_sha256)
    errand.pin(*needed.values(), *(found.sha256 for found in predictions), *artifacts)
    for name, sha256 in needed.items():
        if not errand.site.blobs.status(sha256).is_complete:
            raise BlobUnknownError(
                f"{name} ({sha256[:12]}) of job {job.job_id} made room for newer files",
                sha256=sha256,
                next_step="measure again: mltest-coordinator submit MODEL --data FILE",
            )


async def _counts(site: Site, job_id: str) -> Counter[str]:
    """Return how many results are stored of each test."""
    evaluations = await site.thread.run(site.store.outcomes.evaluations, job_id)
    return Counter(result.test for found in evaluations for result in found.results)


async def _notes(errand: Errand) -> tuple[str, ...]:
    candidates = await errand.site.thread.run(errand.site.store.jobs.candidates, errand.job_id)
    labels = {one.candidate_id: one.label for one in candidates}
    gone = _gone(await prediction_files(errand))
    return tuple(f"The predictions of {labels[one]} made room for newer files; they are not evaluated." for one in gone)


def _gone(files: Sequence[PredictionFile]) -> list[str]:
    """Return the candidates whose predictions are not here any more, each once."""
    return list(dict.fromkeys(file.candidate_id for file in files if not file.path.exists()))
