"""`mltest-coordinator resume`: go on with a job that was stopped."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, run_async


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_resume(arguments))


async def _resume(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.follow import follow

    async with coordinator(arguments, needs_to_run=True) as api:
        job = await api.job(arguments.job)
        seen_seq = 0
        if job.state.is_over:
            async for event in api.watch(job.job_id):
                seen_seq = event.seq
        await api.resume(job.job_id)
        return await follow(api, job.job_id, arguments, from_seq=seen_seq + 1)


VERB = Verb(
    name="resume",
    help="go on with a job that was stopped; what was measured is not measured again",
    add_arguments=job_argument,
    run=_run,
)
