"""The command line of the coordinator: a thin layer on `mltest.coordinator.api`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.commands import (
    agents,
    backup,
    cancel,
    client_key,
    compare,
    completion,
    disagreements,
    enroll,
    evaluate,
    export,
    forget,
    invite,
    jobs,
    plan,
    recompute,
    regress,
    restore,
    resume,
    samples,
    serve,
    show,
    submit,
    trust,
    watch,
)
from mltest.coordinator.commands.verb import STATE_DIR_VARIABLE, Verb, default_state_dir
from mltest.shared.protocol import software_version

PROGRAM = "mltest-coordinator"

_VERBS: tuple[Verb, ...] = (
    *(
        module.VERB
        for module in (
            *(submit, jobs, show, disagreements, export, watch, cancel, resume, agents, samples),
            *(compare, regress, recompute, evaluate, plan, serve, backup, restore, invite, enroll, forget, client_key),
        )
    ),
    *(trust.TRUSTED, trust.UNTRUST, trust.ROTATE, trust.RESET, completion.VERB),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = make_parser().parse_args(argv)
    try:
        return _run(arguments)
    except BrokenPipeError:
        # Who reads our output has seen enough; what is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Which candidate of a trained model is best on which machine, with evidence.",
        parents=[_common(is_top=True)],
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {software_version()}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in _VERBS:
        verb_parser = verbs.add_parser(
            verb.name,
            help=verb.help,
            description=verb.description or verb.help,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[_common(is_top=False)],
        )
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(run=verb.run)
    return parser


def _common(*, is_top: bool) -> argparse.ArgumentParser:
    """Return what may stand before the verb or behind it; what is not said behind it stays as said before."""

    def default(value: object) -> object:
        return value if is_top else argparse.SUPPRESS

    shown = str(default_state_dir()).replace("%", "%%")
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=default(default_state_dir()),
        metavar="DIR",
        help=f"where jobs and files are kept (environment: {STATE_DIR_VARIABLE}; default: {shown})",
    )
    parser.add_argument("--json", action="store_true", default=default(False), help="print data instead of text")
    parser.add_argument("--debug", action="store_true", default=default(False), help="show where an error comes from")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.failure import print_failure
    from mltest.shared.errors import MltestError
    from mltest.shared.status import EXIT_INTERNAL, EXIT_INTERRUPTED, entry_of

    try:
        status: int = arguments.run(arguments)
    except MltestError as error:
        if arguments.debug:
            raise
        print_failure(error, is_json=arguments.json)
        return entry_of(error).exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if arguments.debug:
            raise
        next_step = "repeat with --debug, and report what it shows"
        print_failure(MltestError(f"{type(error).__name__}: {error}", next_step=next_step), is_json=arguments.json)
        return EXIT_INTERNAL
    return status


if __name__ == "__main__":
    sys.exit(main())
