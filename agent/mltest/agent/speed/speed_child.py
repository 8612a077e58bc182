"""The child that does a speed check for the daemon: compiles the work if need be, and runs it in fresh processes."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mltest.agent.host.equal_processors import equal_processors
from mltest.agent.native.compile import compiled_library
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.domain import SpeedCheck, SpeedProcess
from mltest.shared.errors import MltestError, SpeedCheckError
from mltest.shared.statistics.percentiles import percentile

PROCESS_COUNT = 6
WORK_COUNT = 15
"""Of each part in each process: some 15 ms, on a current x86 server."""

_SOURCE = Path(__file__).with_name("speed_work.c")
_SCRIPT = Path(__file__).with_name("speed_process.py")
_TIMEOUT_S = 30.0


def speed_check(folder: Path, processors: Sequence[int], count: int = PROCESS_COUNT) -> SpeedCheck:
    """Return how fast the machine does the work now, in `count` fresh processes on `processors` in turn.

    Args:
        folder: where the compiled work is, or will be.
        processors: equal ones, at least one.
        count: of processes.

    Raises:
        SpeedCheckError: a process failed, or computed wrongly.

    """
    library = _library(folder)
    work = f"c {hashlib.sha256(library.read_bytes()).hexdigest()[:12]}" if library else f"python {_python()}"
    checked_unix_ns = time.time_ns()
    processes = [_process(library, processors[index % len(processors)]) for index in range(count)]
    return SpeedCheck(work=work, checked_unix_ns=checked_unix_ns, processes=tuple(processes))


def _library(folder: Path) -> Path | None:
    """Return the compiled work; None on a machine without a compiler."""
    try:
        return compiled_library([_SOURCE], folder)
    except (MltestError, OSError):
        return None


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def _process(library: Path | None, cpu: int) -> SpeedProcess:
    asked = {"path": sys.path, "library": str(library or ""), "cpu": cpu, "count": WORK_COUNT}
    command = [sys.executable, "-I", "-S", str(_SCRIPT), json.dumps(asked)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        times_ns = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        raise SpeedCheckError(detail=(error.stderr.strip().splitlines() or ["no word"])[-1][:300]) from error
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SpeedCheckError(detail=str(error)[:300]) from error
    return SpeedProcess(
        cpu=cpu, part_ns={name: round(percentile(sorted(found), 25)) for name, found in times_ns.items()}
    )


def _check(frame: Frame) -> Frame:
    folder = Path(str(frame["folder"]))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return asdict(speed_check(folder, equal_processors()))


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    serve({"check": _check})
