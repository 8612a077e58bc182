"""`mltest-coordinator cancel`: stop a job and keep what was measured."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("--after-visit", action="store_true", help="let the visits that run now end first")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_cancel(arguments))


async def _cancel(arguments: argparse.Namespace) -> int:
    async with coordinator(arguments) as api:
        job = await api.cancel(arguments.job, finishes_visits=arguments.after_visit)
    if arguments.json:
        print_json(job)
    elif job.state.is_over:
        print(f"Job {job.job_id} is {job.state.value}. What was measured is kept.")
        print(f"  go on: mltest-coordinator resume {job.job_id}")
    else:
        print(f"Job {job.job_id} stops when its running visits have ended.")
    return 0


VERB = Verb(name="cancel", help="stop a job; what was measured is kept", add_arguments=_add_arguments, run=_run)
