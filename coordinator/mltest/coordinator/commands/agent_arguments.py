"""Arguments that say where agents are."""

import argparse


def add_agent_arguments(parser: argparse.ArgumentParser) -> None:
    """Add addresses, and whether mDNS is asked."""
    parser.add_argument(
        "--agent",
        action="append",
        default=[],
        metavar="HOST:PORT",
        type=_address,
        help="an agent at this address, beside those found by mDNS; may be repeated",
    )
    parser.add_argument("--no-discovery", action="store_true", help="do not look for agents by mDNS")


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text
