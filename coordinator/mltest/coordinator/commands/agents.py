"""`mltest-coordinator agents`: the fleet."""

import argparse

from mltest.coordinator.commands.agent_arguments import add_agent_arguments
from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_agents(arguments))


async def _agents(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mltest.coordinator.report.fleet_table import fleet_table

    async with coordinator(arguments) as api:
        agents = await api.agents(addresses=arguments.agent, uses_discovery=not arguments.no_discovery)
    if arguments.json:
        print_json(agents)
    elif agents:
        Console().print(fleet_table(agents))
        for stranger in (found for found in agents if found.is_stranger):
            print(stranger.reason)
    else:
        print("No agent answers.")
        print("  start one: mltest-agent serve, on each machine that measures")
        print("  without multicast: mltest-coordinator agents --agent HOST:PORT")
    return 0


VERB = Verb(
    name="agents",
    help="list the agents of the fleet: found by mDNS, named with --agent, or known from before",
    add_arguments=add_agent_arguments,
    run=_run,
)
