"""`mltest-agent runtimes`: which runtimes there are, and environments of their own for those that need one."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

_DESCRIPTION = """\
Runtimes are found in the agent's own environment. One that would clash with another, or is large, gets a virtual
environment of its own: workers that run it start there. It is made from wheels only, in the versions that this software
is checked with. Without a verb: list."""

_INSTALL = """\
Make the environment of one runtime, in place of one that is there. Nothing half-made is left, however it ends. Agents
notice what was installed or removed when they are started."""

_PIP_OPTIONS = ("--index-url", "--extra-index-url", "--find-links")

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def add_runtime_verbs(verbs: "Verbs") -> None:
    """Add `runtimes` with its own verbs."""
    parser = verbs.add_parser("runtimes", help="list, install and remove runtimes", description=_DESCRIPTION)
    parser.set_defaults(run=_list, json=False, folder=None, state_dir=None)
    own = parser.add_subparsers(title="verbs", metavar="VERB")
    listing = _add(
        own, "list", _list, "list runtimes: usable or not, and where each comes from", "Import every runtime."
    )
    listing.add_argument("--json", action="store_true", help="the same as data")
    installing = _add(own, "install", _install, "make an environment for one", _INSTALL)
    removing = _add(own, "remove", _remove, "remove the environment of one", "Remove the environment of one runtime.")
    for one in (installing, removing):
        one.add_argument("runtime", metavar="NAME", help="as mltest-agent runtimes lists it")
    for option in _PIP_OPTIONS:
        installing.add_argument(option, action="append", default=[], metavar="WHERE", help="as for pip install")
    installing.add_argument("--no-index", action="store_true", help="as for pip install")


def _add(
    verbs: "Verbs", name: str, run: Callable[[argparse.Namespace], int], text: str, description: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=description)
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where environments are (default: $MLTEST_RUNTIMES_DIR, else below ~/.local/state, for every agent of "
        "this user)",
    )
    place.add_argument("--state-dir", type=Path, metavar="DIR", help="those of the agent with this state directory")
    parser.set_defaults(run=run)
    return parser


def _list(options: argparse.Namespace) -> int:
    from mltest.agent.environments.environments import Environments, environments_of_agent
    from mltest.agent.environments.listing import listed
    from mltest.agent.probe.probe import probe
    from mltest.shared.jsonable import to_jsonable

    state = options.state_dir.absolute() if options.state_dir else None
    environments = Environments(options.folder.absolute()) if options.folder else environments_of_agent(state)
    found = asyncio.run(probe(Path(tempfile.gettempdir()), environments=environments))
    if options.json:
        print(json.dumps(to_jsonable(found.runtimes), indent=2))
    else:
        print(listed(found.runtimes, environments))
    return 0


def _install(options: argparse.Namespace) -> int:
    from mltest.agent.environments.environments import environment_of
    from mltest.agent.environments.install import install
    from mltest.agent.runtimes.registry import runtime_named

    needs = runtime_named(environment_of(options.runtime)).needs
    folder = _folder(options)
    version = install(needs, folder, _pip_options(options), _say)
    print(f"{needs.name} {version} is installed in {folder / needs.name}; agents that run use it when restarted")
    return 0


def _remove(options: argparse.Namespace) -> int:
    from mltest.agent.environments.environments import environment_of
    from mltest.agent.environments.install import remove
    from mltest.agent.runtimes.registry import runtime_named

    name, folder = runtime_named(environment_of(options.runtime)).needs.name, _folder(options)
    remove(name, folder)
    print(f"the environment of {name} is removed from {folder}; agents that run have to be restarted")
    return 0


def _folder(options: argparse.Namespace) -> Path:
    from mltest.agent.environments.environments import FOLDER_NAME, environments_of_machine

    if options.folder:
        folder: Path = options.folder.absolute()
        return folder
    if options.state_dir:
        below: Path = options.state_dir.absolute() / FOLDER_NAME
        return below
    return environments_of_machine()


def _pip_options(options: argparse.Namespace) -> list[str]:
    given = [
        f"{option}={value}"
        for option in _PIP_OPTIONS
        for value in getattr(options, option.removeprefix("--").replace("-", "_"))
    ]
    return [*given, *(["--no-index"] if options.no_index else [])]


def _say(line: str) -> None:
    print(f"  {line}", flush=True)
