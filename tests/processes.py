"""Starts the real programs and waits for what they say, never for time to pass."""

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
START_DEADLINE_S = 60.0
LASTING: set[int] = set()
"""Processes that one test leaves to the next: not what a test has to look for when it asks what was left behind."""

LIGHT = "onnxruntime"
"""The runtime that loads fast: an agent imports each that it offers when it starts."""


@dataclass(slots=True)
class Running:
    """A process that has said that it listens."""

    process: subprocess.Popen[str]
    listening: dict[str, Any]

    @property
    def address(self) -> str:
        """host:port that it listens on."""
        return str(self.listening["address"])

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as a user would; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_DEADLINE_S)


@dataclass(slots=True)
class ProcessGroup:
    """Every process that a test started."""

    running: list[Running] = field(default_factory=list)

    def agent(self, state: Path, *arguments: str, host: Sequence[str] = (), runtimes: str = LIGHT) -> Running:
        """Start an agent with its own state directory; `host` is a prefix that runs it elsewhere."""
        program = [str(BIN / "mltest-agent"), "serve", "--state-dir", str(state), "--runtimes", runtimes, *arguments]
        return self._start([*host, *program], state)

    def doctored_agent(self, state: Path, doctoring: Sequence[str], *arguments: str, runtimes: str = LIGHT) -> Running:
        """Start an agent as `tests.doctored_agent` changes it."""
        program = [sys.executable, "-m", "tests.doctored_agent", *doctoring, "--"]
        offer = ("--runtimes", runtimes)
        return self._start([*program, "serve", "--state-dir", str(state), *offer, *arguments], state)

    def coordinator(self, state: Path, *arguments: str, host: Sequence[str] = ()) -> Running:
        """Start a coordinator that serves."""
        program = [str(BIN / "mltest-coordinator"), "serve", "--state-dir", str(state), *arguments]
        return self._start([*host, *program], state)

    def end(self) -> None:
        """Kill what still runs."""
        for running in self.running:
            if running.process.poll() is None:
                running.kill()
            if running.process.stdout is not None:
                running.process.stdout.close()

    def _start(self, command: Sequence[str], state: Path) -> Running:
        state.mkdir(parents=True, exist_ok=True)
        with (state / "stderr.log").open("a") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        running = Running(process, {})
        self.running.append(running)
        running.listening = _first_line(process, state / "stderr.log")
        return running


def _first_line(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    deadline = time.monotonic() + START_DEADLINE_S
    ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
    line = process.stdout.readline() if ready else ""
    if not line:
        raise AssertionError(f"it did not start listening: {log.read_text()}")
    found = json.loads(line)
    assert found["event"] == "listening"
    return dict(found)
