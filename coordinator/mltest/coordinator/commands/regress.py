"""`mltest-coordinator regress`: whether the newest job is worse than what was usual before it."""

import argparse
from typing import TYPE_CHECKING

from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async

if TYPE_CHECKING:
    from mltest.coordinator.api import CoordinatorApi
    from mltest.coordinator.commands.confirmation import Confirmation
    from mltest.shared.domain import History

_DESCRIPTION = """\
Follows figures over all jobs of the same model file name, dataset, candidate, agent and environment, as ratios to the
pinned reference that was measured beside them. An alarm is raised by two jobs in a row that are farther than 5 %, and
than 3 median absolute deviations, from the median of the ten before.

  mltest-coordinator regress                    the newest job
  mltest-coordinator regress 91bc --confirm     an alarm is confirmed by measuring old against new in one job

Exit status: 0 if nothing is worse, 5 if something is (with --confirm: if that is confirmed).
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "job", nargs="?", default="", metavar="JOB", help="the job in question (default: the newest that is done)"
    )
    parser.add_argument(
        *("--metric", "--order-by"),
        dest="figure",
        default="",
        metavar="FIGURE",
        help="throughput, memory, size, latency.mean@32, ... (default: the median latency at each batch size)",
    )
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="measure the last good job against this one in the same slices; without an alarm, the job before",
    )
    parser.add_argument(
        "--limit", type=_positive, default=100, metavar="N", help="look at N jobs at most (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_regress(arguments))


async def _regress(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.confirmation import confirm, regressions
    from mltest.shared.status import EXIT_OK, EXIT_REGRESSION

    async with coordinator(arguments, needs_to_run=arguments.confirm) as api:
        job_id = arguments.job or await _newest(api)
        if not job_id:
            print("No job is done yet. Start one: mltest-coordinator submit MODEL --data FILE")
            return EXIT_OK
        history = await api.history(job_id, figure=arguments.figure, limit=arguments.limit)
        job_id = (await api.job(job_id)).job_id
        confirmation = await confirm(api, job_id, history) if arguments.confirm else None
    _show(arguments, job_id, history, confirmation)
    found = confirmation.confirmed if confirmation else regressions(history)
    return EXIT_REGRESSION if found else EXIT_OK


def _show(arguments: argparse.Namespace, job_id: str, history: "History", confirmation: "Confirmation | None") -> None:
    from rich.console import Console

    from mltest.coordinator.commands.confirmation import confirmation_text, regressions
    from mltest.coordinator.report.history_table import HistoryView

    if arguments.json:
        print_json({"job_id": job_id, "history": history, "confirmation": confirmation})
        return
    if not history.series:
        print(f"Job {job_id} has no figure of that name that can be followed: see mltest-coordinator show {job_id}")
        return
    console = Console()
    count = len(regressions(history))
    is_worse = f"{count} figure{'s are' if count > 1 else ' is'} worse than usual" if count else "nothing is worse"
    console.print(f"{job_id}: {is_worse}", style="bold", markup=False, highlight=False)
    console.print()
    console.print(HistoryView(history))
    if confirmation is not None:
        console.print()
        console.print(confirmation_text(confirmation), markup=False, highlight=False)


async def _newest(api: "CoordinatorApi") -> str:
    from mltest.shared.domain import JobState

    jobs = await api.jobs(limit=1000)
    return next((job.job_id for job in jobs if job.state is JobState.DONE), "")


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return number


VERB = Verb(
    name="regress",
    help="say whether a job is worse than those before it, and confirm it by measuring old against new",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
