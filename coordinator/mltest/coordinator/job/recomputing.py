"""Today's analysis of what a job measured, beside the conclusion that is stored."""

import asyncio

from mltest.coordinator.analysis.recomputation import differences
from mltest.coordinator.job.evidence import read_evidence
from mltest.coordinator.job.site import Site
from mltest.coordinator.tests.reports import reports_of
from mltest.shared.domain import JobInfo, JobResults, Recomputation
from mltest.shared.errors import JobStateError


async def recomputed(site: Site, job: JobInfo, *, keeps: bool) -> Recomputation:
    """Return the conclusion from what is stored of a job, and what is different in it; store it if `keeps`.

    Raises:
        JobStateError: it goes on, or never got so far that there is something to analyse.

    """
    if not job.state.is_over:
        raise JobStateError(job_id=job.job_id, state=job.state.value, detail="wait for its end, or cancel it")
    evidence = await site.thread.run(read_evidence, site.store, job.job_id)
    if evidence is None:
        raise JobStateError(job_id=job.job_id, state=job.state.value, detail="its model was never read")
    stored = await site.thread.run(site.store.outcomes.conclusion, job.job_id)
    found = await asyncio.to_thread(evidence.conclusion)
    names = {agent.agent_id: agent.name for agent in evidence.agents}
    texts = differences(stored, found, candidates=evidence.candidates, agent_names=names)
    if keeps and found != stored:
        await site.thread.run(site.store.outcomes.conclude, job.job_id, *found)
    results, standings = found
    return Recomputation(
        results=JobResults(
            job=job,
            candidates=evidence.candidates,
            results=results,
            standings=standings,
            agents=evidence.agents,
            tests=reports_of(job, evidence.plan, results),
        ),
        differences=texts,
        is_kept=keeps,
    )
