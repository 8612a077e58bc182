"""`mltest-coordinator completion`: completion for a shell."""

import argparse

from mltest.coordinator.commands.verb import Verb

_SHELLS = ("bash", "zsh", "tcsh")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="the shell")


def _run(arguments: argparse.Namespace) -> int:
    import shtab

    from mltest.coordinator.cli import make_parser

    print(shtab.complete(make_parser(), shell=arguments.shell))
    return 0


VERB = Verb(
    name="completion",
    help='print completion for a shell: eval "$(mltest-coordinator completion bash)"',
    add_arguments=_add_arguments,
    run=_run,
)
