"""The rows in which a candidate of a job does not say what the native model says, as they were stored."""

from collections.abc import Sequence

from mltest.coordinator.job.site import Site
from mltest.coordinator.tests.registry import nearest
from mltest.shared.domain import Candidate, Disagreements, JobInfo
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


def named_candidate(candidates: Sequence[Candidate], name: str) -> Candidate:
    """Return the candidate of that label or identity, of which a unique prefix is enough.

    Raises:
        RequestInvalidError: none, or more than one, is called so; the nearest is named.

    """
    exact = [one for one in candidates if name in (one.label, one.candidate_id)]
    found = exact or [one for one in candidates if name and one.candidate_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        fitting = ", ".join(one.candidate_id for one in found)
        raise RequestInvalidError(detail=f"{name!r} fits more than one candidate: {fitting}")
    labels = [one.label for one in candidates]
    raise RequestInvalidError(detail=f"no candidate is called {name[:80]!r}; {nearest(name, labels)}")
