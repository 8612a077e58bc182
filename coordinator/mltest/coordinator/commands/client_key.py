"""`mltest-coordinator client-key`: a key for a program in any language."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.verb import Verb, print_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the client is called, to revoke its key with untrust NAME")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where its files are written, mode 0600")


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.trust import make_client_key

    files = make_client_key(arguments.state_dir, arguments.name, arguments.out)
    if arguments.json:
        print_json({"device_id": files.device_id, "folder": str(arguments.out)})
        return 0
    print(f"Client {arguments.name} is trusted: {files.device_id}")
    print(f"  {files.key}, {files.certificate}: its key and certificate")
    print(f"  {files.coordinator}: this coordinator's certificate; its common name is the name to expect")
    return 0


VERB = Verb(
    name="client-key",
    help="make a key for a client in any language",
    description=(
        "Writes key.pem, certificate.pem and coordinator.pem for a program that speaks gRPC to `serve`, and trusts it\n"
        "from now on. It needs mutual TLS with these files, and the option grpc.ssl_target_name_override set to the\n"
        "common name of coordinator.pem (see examples/nodejs)."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
