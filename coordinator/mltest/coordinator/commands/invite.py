"""`mltest-coordinator invite`: the one string that enrols agents."""

import argparse
import json
import sys

from mltest.coordinator.commands.durations import duration
from mltest.coordinator.commands.verb import Verb

DEFAULT_USES = 50
DEFAULT_TTL = "24h"


def add_invitation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what an invitation is limited to."""
    parser.add_argument("--name", default="", help="only for the agent of this name")
    parser.add_argument("--ttl", type=duration, default=DEFAULT_TTL, metavar="TIME", help="default: %(default)s")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_invitation_arguments(parser)
    parser.add_argument(
        "--uses", type=int, default=DEFAULT_USES, metavar="N", help="how many agents (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import invite

    text = invite(arguments.state_dir, uses=arguments.uses, ttl_s=arguments.ttl, name=arguments.name)
    print(json.dumps({"invitation": text}) if arguments.json else text)
    if sys.stdout.isatty() and not arguments.json:
        sys.stderr.write("On each agent: sudo mltest-agent join -     then paste this line, Enter, Ctrl-D.\n")
        sys.stderr.write("Whoever has it can enrol an agent here until it is used up or expires: keep it private.\n")
    return 0


VERB = Verb(
    name="invite",
    help="print the one string that enrols agents",
    description=(
        "Prints an invitation: this coordinator's certificate and a secret, one word. On the agent,\n"
        "`mltest-agent join -` reads it from standard input; no network is needed for that. The agent is enrolled\n"
        "when this coordinator sees it next (mltest-coordinator agents, or any submit)."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
