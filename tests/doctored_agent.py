"""An agent as it is, but with a lease of another length, or with a way to die of a runtime; and a supervisor for it.

    python -m tests.doctored_agent [--lease-s N] [--dies-of RUNTIME] [--restarts] -- serve ...

With --restarts it is started again whenever it dies, as systemd does.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any


def main() -> int:
    """Run what the command line asks for."""
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--lease-s", type=float)
    parser.add_argument("--dies-of")
    parser.add_argument("--restarts", action="store_true")
    options = parser.parse_args(sys.argv[1:split])
    if options.restarts:
        return _restarting([argument for argument in sys.argv[1:] if argument != "--restarts"])
    if options.lease_s:
        _shorten_lease(options.lease_s)
    if options.dies_of:
        _die_of(options.dies_of)
    from mltest.agent.cli import main as agent

    return agent(sys.argv[split + 1 :])


def _restarting(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "tests.doctored_agent", *arguments, "--exit-with-parent"]
    while True:
        subprocess.run(command, check=False)
        time.sleep(0.2)


def _shorten_lease(lease_s: float) -> None:
    from mltest.agent import agent
    from mltest.agent.lease.lease import Lease

    agent.Lease = partial(Lease, ttl_ns=int(lease_s * 1e9))  # type: ignore[attr-defined, assignment]


def _die_of(runtime: str) -> None:
    from mltest.agent.visit.worker_process import WorkerProcess

    spawn = WorkerProcess.spawn

    async def deadly(candidate: Any, *arguments: Any, **named: Any) -> WorkerProcess:
        if candidate.runtime == runtime:
            os.kill(os.getpid(), signal.SIGKILL)
        return await spawn(candidate, *arguments, **named)

    WorkerProcess.spawn = deadly  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
