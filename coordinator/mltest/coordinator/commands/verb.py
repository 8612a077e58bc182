"""What every verb of the command line has in common."""

import argparse
import asyncio
import json
import os
import shlex
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.shared.jsonable import to_jsonable
from mltest.shared.state import default_state_folder

if TYPE_CHECKING:
    from mltest.coordinator.api import CoordinatorApi

STATE_DIR_VARIABLE = "MLTEST_STATE_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One command."""

    name: str
    help: str
    description: str = ""
    """More than the help, with examples."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Returns the exit status; errors are raised."""


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: for a verb that takes none."""


def job_argument(parser: argparse.ArgumentParser) -> None:
    """Add the job that a verb is about."""
    parser.add_argument("job", metavar="JOB", help="identity of the job, or the beginning of it")


def default_state_dir() -> Path:
    """Return where the coordinator keeps its state unless told otherwise."""
    named = os.environ.get(STATE_DIR_VARIABLE)
    return Path(named) if named else default_state_folder("coordinator")


def program(arguments: argparse.Namespace) -> str:
    """Return how this program has to be called again to find the same jobs."""
    is_default = arguments.state_dir == default_state_dir()
    return (
        "mltest-coordinator"
        if is_default
        else shlex.join(["mltest-coordinator", "--state-dir", str(arguments.state_dir)])
    )


@asynccontextmanager
async def coordinator(arguments: argparse.Namespace, *, needs_to_run: bool = False) -> AsyncIterator["CoordinatorApi"]:
    """Yield the coordinator that serves, or one in this process, and leave it properly."""
    from mltest.coordinator.home import open_coordinator

    api = await open_coordinator(arguments.state_dir, needs_to_run=needs_to_run)
    try:
        yield api
    finally:
        await api.close()


def run_async(work: Coroutine[object, object, int]) -> int:
    """Run `work` to its end and return its exit status."""
    return asyncio.run(work)


def print_json(value: object) -> None:
    """Print a domain value as JSON, one line."""
    print(json.dumps(to_jsonable(value), ensure_ascii=False), flush=True)
