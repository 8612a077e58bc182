"""`mltest-coordinator disagreements`: the rows in which a candidate differs from the native model."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async

_DESCRIPTION = """\
Lists the rows in which a candidate does not say what the native model says, the worst first, with the reason where
it is known.

  mltest-coordinator disagreements 3f2a 'onnxruntime, int8'

Rows count from 0 in the dataset as it was measured. 'rounding': the native model itself says so when X is rounded to
float32, or moved by its last bit, so that the row lies at a threshold. 'tie': both labels are equally good.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("candidate", metavar="CANDIDATE", help="its label, or its identity or the beginning of it")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_disagreements(arguments))


async def _disagreements(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.report.disagreement_table import DisagreementsView

    async with coordinator(arguments) as api:
        found = await api.disagreements(arguments.job, arguments.candidate)
    if arguments.json:
        print_json(found)
    else:
        Console().print(DisagreementsView(found))
    return 0


VERB = Verb(
    name="disagreements",
    help="list the rows in which a candidate differs from the native model, and why",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
