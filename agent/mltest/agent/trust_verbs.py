"""The verbs of the command line that say whom an agent trusts: join, trusted, untrust, reset-identity, rotate-key."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mltest.shared.errors import RequestInvalidError
from mltest.shared.naming import MAX_NAME_CHARS, clean_text

INSTALLED_STATE = Path("/var/lib/mltest-agent")
"""Where the systemd unit keeps its state (StateDirectory=)."""

_JOIN = """\
Read an invitation from standard input, and trust the coordinator that gave it out. It takes effect at once, also for an
agent that is running; no network is used. The coordinator enrols this agent when it sees it next.

  mltest-coordinator invite              # there; prints the invitation
  sudo mltest-agent join -               # here; paste it, then Ctrl-D
"""
_MAX_INPUT_CHARS = 16 * 1024

Parser = argparse.ArgumentParser


def add_trust_verbs(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", folder_of: Callable[[argparse.Namespace], Path]
) -> None:
    """Add the verbs; `folder_of` returns the state directory that is meant by default."""

    def add(name: str, run: Callable[[argparse.Namespace, Path], int], help_: str, description: str = "") -> Parser:
        parser = verbs.add_parser(
            name, help=help_, description=description or help_, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--name", help="name of the agent, if it was given one with serve --name")
        parser.add_argument(
            "--state-dir",
            type=Path,
            metavar="DIR",
            help=f"state directory of the agent (default: {INSTALLED_STATE} if it is there and yours, else as serve)",
        )
        parser.set_defaults(run=lambda options: run(options, trust_state(options, folder_of)))
        return parser

    join = add("join", _join, "trust a coordinator: reads its invitation from standard input", _JOIN)
    join.add_argument("source", choices=["-"], metavar="-", help="standard input; an argument would be seen by others")
    trusted = add("trusted", _trusted, "list the coordinators that this agent trusts")
    trusted.add_argument("--json", action="store_true", help="the same as data")
    untrust = add("untrust", _untrust, "trust a coordinator no more; what it does here ends within seconds")
    untrust.add_argument("peer", metavar="ID", help="id of the coordinator, or the beginning of it; see trusted")
    add("reset-identity", _reset, "forget the key and everybody that is trusted; the agent has to be stopped")
    add(
        "rotate-key",
        _rotate,
        "make a new key; the old one counts for seven days more, nothing has to be enrolled again",
    )


def trust_state(options: argparse.Namespace, folder_of: Callable[[argparse.Namespace], Path]) -> Path:
    """Return the state directory that a verb is about."""
    if options.state_dir is not None:
        return Path(options.state_dir).absolute()
    if options.name is None and os.access(INSTALLED_STATE, os.W_OK):
        # The unit's directory is a link into one that only root may enter (systemd.exec(5), DynamicUser=).
        return INSTALLED_STATE.resolve()
    return folder_of(options).absolute()


def _join(options: argparse.Namespace, state: Path) -> int:
    from mltest.agent.joining import join

    if sys.stdin.isatty():
        sys.stderr.write("Paste what `mltest-coordinator invite` printed, then press Enter and Ctrl-D:\n")
    peer = join(state, sys.stdin.read(_MAX_INPUT_CHARS))
    print(f"This agent trusts the coordinator {peer.device_id}.")
    print(f"  It is enrolled when that coordinator sees it next: mltest-coordinator agents   (state: {state})")
    return 0


def _trusted(options: argparse.Namespace, state: Path) -> int:
    from mltest.shared.trust.peers import COORDINATOR, Peers

    peers = Peers(state).of_role(COORDINATOR)
    rows = [
        {
            "device_id": peer.device_id,
            "is_enrolled": not peer.secret_hex,
            "since_unix_s": peer.since_unix_s,
            "until_unix_s": peer.until_unix_s,
        }
        for peer in peers
    ]
    if options.json:
        print(json.dumps(rows))
        return 0
    for peer in peers:
        state_text = "joined, not seen yet" if peer.secret_hex else "enrolled"
        print(f"{peer.device_id}  {state_text}{'' if peer.until_unix_s is None else ', replaced by a newer key'}")
    if not peers:
        print("No coordinator is trusted: mltest-agent join - reads the invitation of one.")
    return 0


def _untrust(options: argparse.Namespace, state: Path) -> int:
    from mltest.shared.trust.peers import COORDINATOR, Peers

    peers = Peers(state)
    for peer in peers.named(clean_text(options.peer, MAX_NAME_CHARS), COORDINATOR):
        peers.remove(peer.device_id)
        print(f"Coordinator {peer.device_id} is trusted no more.")
    return 0


def _reset(options: argparse.Namespace, state: Path) -> int:
    from mltest.agent.identity import AGENT_ID_NAME
    from mltest.shared.state import locked_state
    from mltest.shared.trust.identity import keys_in
    from mltest.shared.trust.reset import reset_trust

    with locked_state(state):
        reset_trust(state)
        (state / AGENT_ID_NAME).unlink(missing_ok=True)
        print(f"This agent is {keys_in(state).current.device_id} from now on, and trusts nobody.")
    print("  Coordinators that had enrolled it: mltest-coordinator forget AGENT, then invite it again.")
    return 0


def _rotate(options: argparse.Namespace, state: Path) -> int:
    from mltest.agent.identity import agent_id_in
    from mltest.shared.trust.identity import rotate_key

    if not state.is_dir():
        raise RequestInvalidError(detail=f"there is no agent in {state}", next_step="name its --state-dir")
    agent_id_in(state)
    print(f"The new key is {rotate_key(state).current.device_id}. The old one counts for seven days more.")
    return 0
