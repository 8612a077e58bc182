"""`mltest-coordinator backup`: all that the coordinator remembers, in one file."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.verb import Verb, print_json
from mltest.shared.units import bytes_text


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="file to be written; it must not exist")


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.backup import write_backup

    done = write_backup(arguments.state_dir, arguments.file)
    if arguments.json:
        print_json(done)
    else:
        print(f"{done.job_count} jobs and {done.file_count} files in {arguments.file} ({bytes_text(done.size_bytes)}).")
        print("  It holds this coordinator's key: whoever has it is trusted by every agent. Keep it private.")
    return 0


VERB = Verb(
    name="backup",
    help="write all that the coordinator remembers to one file",
    description=(
        "Writes jobs, results, samples, models and data, the coordinator's key and the agents that it trusts to FILE,\n"
        "also while it runs. mltest-coordinator restore FILE brings it back, here or on another machine."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
