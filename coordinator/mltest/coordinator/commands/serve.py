"""`mltest-coordinator serve`: the coordinator as a service."""

import argparse

from mltest.coordinator.commands.verb import Verb, run_async
from mltest.shared.logs import LOG_LEVELS

DEFAULT_PORT = 50770
"""That of `mltest.coordinator.home`, which is not imported to print a help text."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default="127.0.0.1",
        metavar="IP",
        help="address to listen on; clients need a key, see client-key (default: %(default)s)",
    )
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 for a free one (default: %(default)s)")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="serve every user of this machine, in the clear; on loopback only",
    )
    parser.add_argument("--exit-when-idle", action="store_true", help="end when no job runs any more")
    parser.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default="info",
        help="what is logged, to standard error (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> int:
    import asyncio
    import signal

    from mltest.shared.logs import configure_logging

    configure_logging("debug" if arguments.debug else arguments.log_level)
    from mltest.coordinator.home import serve
    from mltest.shared.notify import STOPPING, feed_watchdog, notify

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watchdog = asyncio.ensure_future(feed_watchdog())
    try:
        await serve(
            arguments.state_dir,
            listen=arguments.listen,
            port=arguments.port,
            insecure=arguments.insecure,
            exit_when_idle=arguments.exit_when_idle,
            stop=stop,
            on_listening=_tell,
        )
    finally:
        notify(STOPPING)
        watchdog.cancel()
    return 0


def _tell(address: str) -> None:
    """Say that requests are taken: to systemd, and as one line of JSON to whoever started this."""
    import json

    from mltest.shared.notify import READY, notify

    notify(READY)
    print(json.dumps({"event": "listening", "address": address}), flush=True)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


VERB = Verb(
    name="serve",
    help="run the coordinator as a service; every other verb then talks to it",
    description=(
        "Runs jobs for every verb on this machine and, over gRPC, for programs in any language (see proto/).\n"
        "Prints one line of JSON when it listens. Jobs that were left unfinished are resumed."
    ),
    add_arguments=_add_arguments,
    run=_run,
)
