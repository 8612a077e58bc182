"""`mltest-coordinator restore`: bring back what `backup` wrote."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.verb import Verb, print_json, program


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what mltest-coordinator backup wrote")


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.backup import restore_backup

    done = restore_backup(arguments.file, arguments.state_dir)
    if arguments.json:
        print_json(done)
    else:
        print(f"{done.job_count} jobs and {done.file_count} files are in {arguments.state_dir}.")
        print(f"  {program(arguments)} jobs     lists them.")
        print("  The coordinator that was saved must not run any more: both would be the same to their agents.")
    return 0


VERB = Verb(
    name="restore",
    help="bring back what backup wrote",
    description=(
        "Brings everything of a back-up into a state directory that holds no coordinator yet. All of it is checked\n"
        "first; a damaged back-up changes nothing. Jobs that were running go on: mltest-coordinator resume JOB."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
