"""`mltest-coordinator compare`: what is different between two jobs."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async

_DESCRIPTION = """\
Compares two jobs, candidate by candidate; candidates are told by their recipe, whatever their artifacts are.

  mltest-coordinator compare 3f2a 91bc

Two jobs were not measured side by side. Their times are compared through what was measured beside them in both: the
pinned reference. A difference is claimed beyond its 95 % interval and 5 %. To see smaller ones, measure both in one
job, whose differences are claimed beyond 2 %:

  mltest-coordinator submit forest.skops --data digits.npz --against 3f2a
  mltest-coordinator compare 3f2a NEW

Marks: + slower or worse, - faster or better, ~ cannot be told apart, blank the same, ! fails or is ruled out now,
* failed or was ruled out before, x cannot be compared.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job_a", metavar="JOB_A", help="the earlier job: its identity, or the beginning of it")
    parser.add_argument("job_b", metavar="JOB_B", help="the other one")
    parser.add_argument(
        "--order-by", default="latency", metavar="FIGURE", help="worst first by it (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="show every figure that both jobs have")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_compare(arguments))


async def _compare(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.planning.figure_names import parse_figure
    from mltest.coordinator.report.comparison_table import ComparisonView

    order_by = parse_figure(arguments.order_by)
    async with coordinator(arguments) as api:
        found = await api.compare(arguments.job_a, arguments.job_b)
    if arguments.json:
        print_json(found)
    else:
        Console().print(ComparisonView(found, order_by, shows_all=arguments.all))
    return 0


VERB = Verb(
    name="compare",
    help="compare two jobs: what became slower or faster, better or worse",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
