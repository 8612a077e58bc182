"""mltest-agent: the command line of an agent."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mltest.agent.meter_verbs import add_meter_verbs
from mltest.agent.runtime_verbs import add_runtime_verbs
from mltest.agent.trust_verbs import add_trust_verbs
from mltest.agent.tune_verbs import add_tune_verbs
from mltest.shared.errors import MltestError
from mltest.shared.logs import LOG_LEVELS, configure_logging
from mltest.shared.naming import MAX_NAME_CHARS, clean_text, is_name
from mltest.shared.protocol import PROTOCOL_VERSION, software_version
from mltest.shared.reference import REFERENCE_RUNTIME

DEFAULT_CACHE_BYTES = 10 * 1024**3

_DESCRIPTION = """\
Make this machine a benchmark machine: it describes itself, is found by mDNS, takes models from coordinators,
measures them in fresh processes one at a time, and streams what happened."""

_DOCTOR = """\
Measure for some seconds how good a ruler this machine is, and say what spoils it and which command mends that. It
changes nothing and needs no rights. Its status is 0 whatever it finds: a noisy machine still measures ratios."""

_SERVE = """\
Serve until SIGTERM or Ctrl-C. Until the agent was joined to a coordinator (mltest-agent join -) it listens on this
machine only; from then on everywhere. Only coordinators that it was joined to, and processes of the same user on this
machine, are served. When it listens, one line of JSON with its address goes to standard output; everything else goes
to standard error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = build_parser().parse_args(arguments)
    configure_logging(getattr(options, "log_level", "warning"))
    try:
        status: int = options.run(options)
    except MltestError as error:
        return _report(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(prog="mltest-agent", description=_DESCRIPTION)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version of software and protocol")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_serve(verbs.add_parser("serve", help="serve coordinators", description=_SERVE))
    describe = verbs.add_parser("describe", help="show what this machine offers", description="Look at this machine.")
    describe.add_argument("--json", action="store_true", help="the same as data")
    describe.set_defaults(run=_describe)
    add_trust_verbs(verbs, _state_folder)
    add_runtime_verbs(verbs)
    add_meter_verbs(verbs)
    add_tune_verbs(verbs)
    _add_selftest(verbs)
    doctor = verbs.add_parser("doctor", help="say what makes this machine a bad ruler", description=_DOCTOR)
    doctor.add_argument("--json", action="store_true", help="findings and readings as data")
    doctor.add_argument("--seconds", type=_seconds, default=3.0, metavar="N", help="how long (default: %(default)s)")
    doctor.set_defaults(run=_doctor)
    # The programs of systemd units; without a help text they are not listed.
    verbs.add_parser("worker-host").set_defaults(run=_worker_host)
    powerd = verbs.add_parser("powerd")
    powerd.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="where /sys is (default: /)")
    powerd.set_defaults(run=_powerd)
    completion = verbs.add_parser("completion", help="print a completion script for a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    completion.set_defaults(run=_completion)
    return parser


def _add_selftest(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from mltest.agent.selftest.options import DESCRIPTION, add_selftest

    add_selftest(verbs.add_parser("selftest", help="check this machine as a ruler", description=DESCRIPTION))


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--name", type=_name, help="name for people, in a fleet best unique (default: the host name)")
    add("--tag", action="append", default=[], type=_name, metavar="WORD", help="word to select it by; may be repeated")
    add("--listen", metavar="HOST", help="address to listen on (default: all once joined, 127.0.0.1 before)")
    add("--port", type=_port, metavar="N", help="port to listen on (default: 50771, or a free one if that is taken)")
    add(
        "--insecure",
        action="store_true",
        help="serve every user of this machine, in the clear; on loopback only",
    )
    add("--allow-pickle", action="store_true", help="open pickled models, which can run any code on this machine")
    add(
        "--runtimes",
        type=_runtimes,
        default=(),
        metavar="NAME[,NAME]",
        help="offer only these, and the pinned reference (default: all that are installed)",
    )
    add("--state-dir", type=Path, metavar="DIR", help="identity and cached files (default: below ~/.local/state)")
    add(
        "--no-advertise", action="store_true", help="do not advertise by mDNS; coordinators then need --agent HOST:PORT"
    )
    add(
        "--cache-bytes",
        type=_positive,
        default=DEFAULT_CACHE_BYTES,
        metavar="N",
        help="how much cached models and data may take on disk (default: %(default)s)",
    )
    add(
        "--worker-socket",
        type=_socket,
        default=os.environ.get("MLTEST_WORKER_SOCKET") or None,
        metavar="PATH",
        help="start workers through systemd's mltest-worker.socket; empty: as children of the agent "
        "(default: $MLTEST_WORKER_SOCKET)",
    )
    add("--log-level", choices=LOG_LEVELS, default="info", help="least severe messages to show (default: %(default)s)")
    add(
        "--simulated-meter",
        type=_watts,
        metavar="WATTS",
        help="also offer a meter that only pretends, for trying out how energy is measured; its numbers are made up",
    )
    add("--exit-with-parent", action="store_true", help=argparse.SUPPRESS)
    add("--machine-root", type=Path, default=Path("/"), metavar="DIR", help=argparse.SUPPRESS)
    add("--needed-runtimes", dest="runtimes", type=_needed_runtimes, default=(), help=argparse.SUPPRESS)
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from mltest.agent.parent import exit_with_parent

    if options.exit_with_parent:
        exit_with_parent()
    # Only this verb needs the daemon's libraries.
    from mltest.agent.agent import AgentConfig
    from mltest.agent.daemon import serve
    from mltest.agent.environments.environments import environments_of_agent
    from mltest.agent.joining import is_joined
    from mltest.agent.listening import chosen_listening
    from mltest.agent.meters.role import MeterSite, plugs_of_variable

    name = options.name or _host_name()
    folder = (options.state_dir or _state_folder(options)).absolute()
    config = AgentConfig(
        name=name,
        tags=tuple(options.tag),
        allows_pickle=options.allow_pickle,
        cache_bytes=options.cache_bytes,
        worker_socket=options.worker_socket,
        environments=environments_of_agent(folder),
        runtimes=options.runtimes,
        meter_site=MeterSite(
            root=options.machine_root.absolute(),
            plugs=tuple(plugs_of_variable(os.environ)),
            simulated_w=options.simulated_meter,
        ),
    )
    listening = chosen_listening(
        host=options.listen, port=options.port, is_insecure=options.insecure, is_joined=is_joined(folder)
    )
    asyncio.run(serve(config, listening, folder=folder, advertises=not options.no_advertise))
    return 0


def _state_folder(options: argparse.Namespace) -> Path:
    from mltest.shared.state import default_state_folder

    return default_state_folder(f"agent-{options.name or _host_name()}")


def _describe(options: argparse.Namespace) -> int:
    from mltest.agent.environments.environments import environments_of_agent
    from mltest.agent.probe.describe import described
    from mltest.agent.probe.probe import probe
    from mltest.shared.jsonable import to_jsonable

    found = asyncio.run(probe(Path(tempfile.gettempdir()), environments=environments_of_agent(None)))
    print(json.dumps(to_jsonable(found), indent=2) if options.json else described(found))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from mltest.agent.doctor.doctor import doctor_report

    print(doctor_report(options.seconds, is_data=options.json))
    return 0


def _worker_host(_: argparse.Namespace) -> int:
    from mltest.agent.launch.worker_host import main as host_workers

    return host_workers()


def _powerd(options: argparse.Namespace) -> int:
    from mltest.agent.power.powerd import listener_of, run

    asyncio.run(run(listener_of(os.environ, os.getpid()), options.root))
    return 0


def _completion(options: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(build_parser(), shell=options.shell))
    return 0


def _report(error: MltestError) -> int:
    from mltest.shared.status import entry_of, next_step_of

    logging.getLogger(__name__).debug("failed", exc_info=error)
    print(f"mltest-agent: {error.message}", file=sys.stderr)
    if step := next_step_of(error):
        print(f"  {step}", file=sys.stderr)
    return entry_of(error).exit_code


class _Version(argparse.Action):
    """Finds out the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"mltest-agent {software_version()} (protocol {PROTOCOL_VERSION})")
        parser.exit()


def _host_name() -> str:
    import socket

    return clean_text(socket.gethostname().replace("/", "-"), MAX_NAME_CHARS) or "agent"


def _name(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {MAX_NAME_CHARS} printable characters without /")
    return text


def _runtimes(text: str) -> tuple[str, ...]:
    from mltest.agent.runtimes.registry import runtimes

    names, known = tuple(dict.fromkeys(text.split(","))), runtimes()
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(known)}")
    return names


def _needed_runtimes(text: str) -> tuple[str, ...]:
    """Return those of the runtimes of a job that this software knows; the others are the job's to tell of."""
    from mltest.agent.runtimes.registry import runtimes

    known = runtimes()
    return tuple(name for name in text.split(",") if name in known) or (REFERENCE_RUNTIME,)


def _socket(text: str) -> Path | None:
    return Path(text) if text else None


def _port(text: str) -> int:
    return _number(text, least=0, most=65_535)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 3600")
    return seconds


def _watts(text: str) -> float:
    try:
        watts = float(text)
    except ValueError:
        watts = 0.0
    if not 0 < watts <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a power from 0 to 10000 W")
    return watts


def _positive(text: str) -> int:
    return _number(text, least=1, most=2**63)


def _number(text: str, *, least: int, most: int) -> int:
    if not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
