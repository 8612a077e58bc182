"""`mltest-coordinator show`: everything about one job."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_show(arguments))


async def _show(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.report.show import JobView

    async with coordinator(arguments) as api:
        results = await api.results(arguments.job)
    if arguments.json:
        print_json(results)
    else:
        Console().print(JobView(results))
    return 0


VERB = Verb(
    name="show",
    help="show a job: model, data, candidates, table, every figure, worst rows",
    add_arguments=job_argument,
    run=_run,
)
