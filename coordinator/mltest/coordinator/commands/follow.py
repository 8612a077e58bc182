"""Follows a job to its end: progress on standard error, the table on standard output."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mltest.coordinator.commands.failure import print_failure
from mltest.coordinator.commands.verb import print_json, program
from mltest.shared.domain import JobEvent, JobResults, JobState, StepStarted, VisitUpdated
from mltest.shared.errors import MltestError, error_class
from mltest.shared.status import EXIT_INTERRUPTED, EXIT_OK, EXIT_USER, entry_of

if TYPE_CHECKING:
    from mltest.coordinator.api import CoordinatorApi
    from mltest.coordinator.report.progress import ProgressView

_HINT = "Ctrl-C once finishes the running visits and keeps what there is"
_STOPPING = "Stopping behind the running visits; what was measured is kept. Ctrl-C again stops at once."
_STOPPING_HINT = "Ctrl-C again stops at once"
_STOPPING_NOW = "Stopping at once."


async def follow(
    api: "CoordinatorApi",
    job_id: str,
    arguments: argparse.Namespace,
    *,
    from_seq: int = 1,
    stops_on_interrupt: bool = True,
) -> int:
    """Show `job_id` until it stands still, then its table; return the exit status.

    Args:
        api: where the job runs.
        job_id: the job.
        arguments: of the command line; with --json, standard output gets the results as JSON instead of a table.
        from_seq: the first event that is shown; those before it are only counted.
        stops_on_interrupt: whether Ctrl-C stops the job rather than only the watching.

    """
    from rich.console import Console

    from mltest.coordinator.report.progress import ProgressView

    view = ProgressView(Console(stderr=True), hint=_HINT if stops_on_interrupt else "")
    with view, _stopping(api, job_id, view, is_active=stops_on_interrupt):
        async for event in api.watch(job_id):
            if event.seq < from_seq:
                view.recall(event)
                continue
            view.add(event, await api.job(job_id) if _changes_count(event) else None)
    results = await api.results(job_id)
    if arguments.json:
        print_json(results)
    else:
        _print_table(results, program(arguments))
    return _exit_status(results)


def _changes_count(event: JobEvent) -> bool:
    match event.event:
        case StepStarted():
            return True
        case VisitUpdated() as visit:
            return visit.outcome is not None or visit.done_ratio == 0
    return False


def _print_table(results: JobResults, program: str) -> None:
    from rich.console import Console

    from mltest.coordinator.report.table import StandingsView

    job = results.job
    if results.standings.rows:
        sys.stderr.flush()
        console = Console()
        console.print()
        console.print(StandingsView(results))
        print(f"\nEvery figure: {program} show {job.job_id}")
    if job.state in (JobState.INTERRUPTED, JobState.CANCELLED):
        print(f"The job is {job.state.value}; go on with it: {program} resume {job.job_id}")


def _exit_status(results: JobResults) -> int:
    if any(row.rank is not None for row in results.standings.rows):
        return EXIT_OK
    job = results.job
    if job.state in (JobState.INTERRUPTED, JobState.CANCELLED):
        return EXIT_INTERRUPTED
    if job.reason:
        error = error_class(job.reason_code)(job.reason)
        print_failure(error)
        return entry_of(error).exit_code
    return EXIT_USER


@contextmanager
def _stopping(api: "CoordinatorApi", job_id: str, view: "ProgressView", *, is_active: bool) -> Iterator[None]:
    """Let the first Ctrl-C stop the job behind its running visits, the second at once, the third end the program."""
    if not is_active:
        yield
        return
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []

    async def stop(*, finishes_visits: bool) -> None:
        try:
            await api.cancel(job_id, finishes_visits=finishes_visits)
        except MltestError as error:
            view.say(f"The job could not be stopped: {error.message}")

    def on_interrupt() -> None:
        is_first = not tasks
        view.say(_STOPPING if is_first else _STOPPING_NOW, hint=_STOPPING_HINT if is_first else "")
        tasks.append(loop.create_task(stop(finishes_visits=is_first)))
        if not is_first:
            loop.remove_signal_handler(signal.SIGINT)

    def on_terminate() -> None:
        tasks.append(loop.create_task(stop(finishes_visits=False)))

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    loop.add_signal_handler(signal.SIGTERM, on_terminate)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
