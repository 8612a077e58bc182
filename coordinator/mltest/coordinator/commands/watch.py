"""`mltest-coordinator watch`: follow a job that somebody else started."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_watch(arguments))


async def _watch(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.follow import follow

    async with coordinator(arguments) as api:
        job = await api.job(arguments.job)
        if arguments.json:
            async for event in api.watch(job.job_id):
                print_json(event)
            return 0
        return await follow(api, job.job_id, arguments, stops_on_interrupt=False)


VERB = Verb(
    name="watch",
    help="follow a job to its end; --json prints its events, one a line",
    add_arguments=job_argument,
    run=_run,
)
