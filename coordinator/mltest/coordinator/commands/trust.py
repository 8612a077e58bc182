"""`mltest-coordinator trusted`, `untrust`, `rotate-key`, `reset-identity`: whom it trusts, and who it is."""

import argparse

from mltest.coordinator.commands.verb import Verb, no_arguments, print_json


def _trusted(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import trusted

    peers = trusted(arguments.state_dir)
    if arguments.json:
        print_json([{"role": peer.role, "name": peer.name, "device_id": peer.device_id} for peer in peers])
        return 0
    for peer in peers:
        print(f"{peer.role:6}  {peer.name:20}  {peer.device_id}")
    if not peers:
        print("Nobody is trusted: invite enrols agents, client-key lets clients in.")
    return 0


def _untrust(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import untrust

    for peer in untrust(arguments.state_dir, arguments.client):
        print(f"Client {peer.name} ({peer.device_id}) is trusted no more.")
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import rotate_key

    print(f"The new key is {rotate_key(arguments.state_dir)}. The old one counts for seven days more:")
    print("  agents learn the new one when they are seen; clients need a new coordinator.pem (client-key)")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import reset_identity

    print(f"This coordinator is {reset_identity(arguments.state_dir)} from now on, and trusts nobody.")
    print("  invite its agents again; on each, mltest-agent untrust forgets the old key")
    return 0


def _client_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", metavar="CLIENT", help="its name, or the beginning of its id")


TRUSTED = Verb(name="trusted", help="list who is trusted: agents, clients", add_arguments=no_arguments, run=_trusted)
UNTRUST = Verb(
    name="untrust",
    help="revoke the key of a client; what it does ends at once",
    add_arguments=_client_argument,
    run=_untrust,
)
ROTATE = Verb(
    name="rotate-key",
    help="make a new key; the old one counts for seven days more",
    add_arguments=no_arguments,
    run=_rotate,
)
RESET = Verb(
    name="reset-identity",
    help="forget the key and everybody that is trusted; no coordinator may run",
    add_arguments=no_arguments,
    run=_reset,
)
