"""`mltest-coordinator enroll`: joins an agent over SSH, and waits until it is enrolled."""

import argparse
import asyncio
import subprocess

from mltest.coordinator.commands.invite import add_invitation_arguments
from mltest.coordinator.commands.verb import Verb, coordinator, run_async
from mltest.shared.domain import FleetAgent
from mltest.shared.errors import AgentUnreachableError, RequestInvalidError

REMOTE_COMMAND = (
    "agent=/opt/mltest/.venv/bin/mltest-agent; test -x $agent || agent=mltest-agent; "
    'if test -e /var/lib/mltest-agent && test "$(id -u)" != 0; then exec sudo -n $agent join -; '
    "else exec $agent join -; fi"
)
"""The installed agent belongs to its unit, so that only root may join it."""
AGENT_PORT = 50771
_SSH_TIMEOUT_S = 120.0
_SEEN_WITHIN_S = 15.0
_RETRY_S = 0.5


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("destination", metavar="[USER@]HOST", help="as ssh takes it")
    parser.add_argument("--port", type=int, default=AGENT_PORT, help="of the agent there (default: %(default)s)")
    parser.add_argument("--command", default=REMOTE_COMMAND, help="what is run there, with the invitation as its input")
    add_invitation_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import invite

    if arguments.destination.startswith("-"):
        raise RequestInvalidError(detail=f"{arguments.destination!r} is not [USER@]HOST")
    text = invite(arguments.state_dir, uses=1, ttl_s=arguments.ttl, name=arguments.name)
    _join_there(arguments.destination, arguments.command, text)
    return run_async(_seen(arguments))


def _join_there(destination: str, command: str, invitation: str) -> None:
    try:
        done = subprocess.run(
            ["ssh", destination, command],
            input=invitation + "\n",
            text=True,
            stdout=subprocess.DEVNULL,
            timeout=_SSH_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AgentUnreachableError(agent=destination, detail=f"ssh: {type(error).__name__}") from error
    if done.returncode != 0:
        step = f"mltest-coordinator invite, then on {destination}: sudo mltest-agent join -"
        raise AgentUnreachableError(
            agent=destination, detail=f"joining it over ssh ended with status {done.returncode}", next_step=step
        )


async def _seen(arguments: argparse.Namespace) -> int:
    address = f"{arguments.destination.rpartition('@')[2]}:{arguments.port}"
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + _SEEN_WITHIN_S
    async with coordinator(arguments) as api:
        while True:
            found = await api.agents(addresses=[address], uses_discovery=False)
            if found[0].is_alive or clock() > deadline_s:
                break
            await asyncio.sleep(_RETRY_S)
    return _told(arguments.destination, found[0])


def _told(destination: str, found: FleetAgent) -> int:
    if found.is_alive and found.agent is not None:
        print(f"Agent {found.agent.name} ({found.agent.agent_id}) is enrolled, at {found.address}.")
    else:
        print(f"{destination} trusts this coordinator, but does not answer at {found.address}: {found.reason}")
        print("  it is enrolled when it is seen: mltest-coordinator agents")
    return 0


VERB = Verb(
    name="enroll",
    help="enrol an agent over SSH",
    description=(
        "Runs `mltest-agent join -` on another machine by ssh, with a fresh invitation for one agent on its standard\n"
        "input, and waits until that agent is enrolled. Keys, jump hosts and names are those of your ssh configuration."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
