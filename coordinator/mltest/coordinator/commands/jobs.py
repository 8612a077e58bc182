"""`mltest-coordinator jobs`: the jobs, newest first."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="show at most N (default: %(default)s)")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_jobs(arguments))


async def _jobs(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.report.fleet_table import jobs_table

    async with coordinator(arguments) as api:
        jobs = await api.jobs(limit=max(1, arguments.limit))
    if arguments.json:
        print_json(jobs)
    elif jobs:
        Console().print(jobs_table(jobs))
    else:
        print("No jobs yet. Start one: mltest-coordinator submit MODEL --data FILE")
    return 0


VERB = Verb(name="jobs", help="list the jobs, newest first", add_arguments=_add_arguments, run=_run)
