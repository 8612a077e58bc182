"""The rows in which a candidate of a job does not say what the native model says, as they were stored."""

from mltest.coordinator.analysis.named import named_candidate
from mltest.coordinator.job.site import Site
from mltest.shared.domain import Disagreements, JobInfo
from mltest.shared.errors import RequestInvalidError


async def disagreements(site: Site, job: JobInfo, name: str) -> Disagreements:
    """Return in which rows the candidate called `name` differs.

    Raises:
        RequestInvalidError: no candidate, or more than one, is called so, or it was never compared.

    """
    candidate = named_candidate(await site.thread.run(site.store.jobs.candidates, job.job_id), name)
    evaluations = await site.thread.run(site.store.outcomes.evaluations, job.job_id)
    own = [found for found in evaluations if found.candidate_id == candidate.candidate_id]
    if not own:
        raise RequestInvalidError(
            detail=f"the predictions of {candidate.label} were not compared",
            next_step=f"look why: mltest-coordinator show {job.job_id}",
        )
    return Disagreements(
        job_id=job.job_id,
        candidate_id=candidate.candidate_id,
        label=candidate.label,
        is_lossy=candidate.is_lossy,
        row_count=max(found.row_count for found in own),
        differing_count=max(found.differing_count for found in own),
        rows=tuple(row for found in own for row in found.disagreements),
    )
