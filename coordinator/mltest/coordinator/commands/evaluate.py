"""`mltest-coordinator evaluate`: tests that are made later, from what is stored of a job."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.plan_arguments import test_names
from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, program, run_async

_DESCRIPTION = """\
Makes tests of a job that is over: of its model, its data, the predictions that agents sent, and its artifacts, as they
are stored. Nothing is measured, and no agent is needed. New results stand beside the old ones, and the table is made
again. A test that has results is not made again, unless with --again; after an interruption the same command goes on.

  mltest-coordinator evaluate 3f2a --tests all
  mltest-coordinator evaluate 3f2a --tests 'permutation importance,noise'
  mltest-coordinator evaluate 3f2a --plan tests.toml
  mltest-coordinator evaluate 3f2a --again
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument(
        "--tests",
        type=test_names,
        default=(),
        metavar="NAMES",
        help="make these: all, default, or names separated by commas; 'show JOB --tests' lists them (default: default)",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="TOML file whose tests are made, with their parameters; only they count",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="make them also where they have results, which stay until the new ones stand; without --tests and --plan "
        "the tests that broke, and those for which their time (budget_s) did not suffice",
    )


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.submission import plan_file_text

    return run_async(_evaluate(arguments, plan_file_text(arguments.plan) if arguments.plan else ""))


async def _evaluate(arguments: argparse.Namespace, plan_toml: str) -> int:
    from rich.console import Console

    from mltest.coordinator.report.page_of_tests import PageOfTests

    async with coordinator(arguments, needs_to_run=True) as api:
        found = await api.evaluate(
            arguments.job, test_names=arguments.tests, plan_toml=plan_toml, again=arguments.again
        )
    if arguments.json:
        print_json(found)
        return 0
    Console().print(PageOfTests(found.results, ""))
    for note in found.notes:
        print(note)
    if found.made_tests:
        print(f"Made now: {', '.join(found.made_tests)}.")
    else:
        print("Nothing was made now: every test that was asked for, and can be made, has its results.")
    print(f"The table with them: {program(arguments)} show {found.results.job.job_id}")
    return 0


VERB = Verb(
    name="evaluate",
    help="make tests of a job that is over, from its stored predictions and files",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
