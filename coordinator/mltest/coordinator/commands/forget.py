"""`mltest-coordinator forget`: an agent that is enrolled no more."""

import argparse

from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its name, or the beginning of its id")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_forget(arguments))


async def _forget(arguments: argparse.Namespace) -> int:
    async with coordinator(arguments) as api:
        forgotten = await api.forget(arguments.agent)
    if arguments.json:
        print_json(forgotten)
    else:
        print(f"Agent {arguments.agent} is enrolled no more: {', '.join(forgotten)}")
        print("  what it measured is kept; on it, mltest-agent untrust forgets this coordinator")
    return 0


VERB = Verb(name="forget", help="an agent is enrolled no more", add_arguments=_add_arguments, run=_run)
