"""`mltest-coordinator show`: everything about one job."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async

_DESCRIPTION = """\
Shows a job: model, data, candidates, table, every figure, worst rows.

  mltest-coordinator show 3f2a
  mltest-coordinator show 3f2a --tests
  mltest-coordinator show 3f2a --tests --candidate 'onnxruntime, int8'

With --tests: every test there is, with its figures and their 95 % intervals, or why it has none.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("--tests", action="store_true", help="every test: its figures with intervals, or why not")
    parser.add_argument(
        "--candidate",
        default="",
        metavar="CANDIDATE",
        help="whose figures --tests shows: its label, or its identity or the beginning of it (default: the native "
        "baseline)",
    )


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_show(arguments))


async def _show(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.report.page_of_tests import PageOfTests
    from mltest.coordinator.report.show import JobView

    async with coordinator(arguments) as api:
        results = await api.results(arguments.job)
    if arguments.json:
        print_json(results)
    else:
        view = PageOfTests(results, arguments.candidate) if arguments.tests else JobView(results)
        Console().print(view)
    return 0


VERB = Verb(
    name="show",
    help="show a job: model, data, candidates, table, every figure, worst rows",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
