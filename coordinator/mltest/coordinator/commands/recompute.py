"""`mltest-coordinator recompute`: today's analysis of an earlier job's samples."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, program, run_async

_DESCRIPTION = """\
Analyses again what a job measured, with this version of mltest, and says what is different from its stored results.
Nothing is measured. The new results replace the stored ones, unless --dry-run is given.

  mltest-coordinator recompute 3f2a --dry-run
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what is different; store nothing")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_recompute(arguments))


async def _recompute(arguments: argparse.Namespace) -> int:
    async with coordinator(arguments) as api:
        found = await api.recompute(arguments.job, keeps=not arguments.dry_run)
    if arguments.json:
        print_json(found)
        return 0
    count = len(found.results.results)
    if not found.differences:
        print(f"The same: {count} results and the table are exactly as stored.")
        return 0
    for line in found.differences:
        print(line)
    differences = "1 difference" if len(found.differences) == 1 else f"{len(found.differences)} differences"
    print(f"{differences} in {count} results and the table.")
    job_id = found.results.job.job_id
    again = f"{program(arguments)} recompute {job_id}"
    shown = f"{program(arguments)} show {job_id}"
    print(f"The new ones are stored; see them: {shown}" if found.is_kept else f"Nothing is stored; to do so: {again}")
    return 0


VERB = Verb(
    name="recompute",
    help="analyse an earlier job's samples again with this version",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
