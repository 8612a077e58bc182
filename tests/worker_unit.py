"""Does for tests what systemd does with Accept=yes and MaxConnections=1: one host of workers for each connection."""

import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def interpreter_that_sees_the_tests(folder: Path) -> Path:
    """Return a Python for children: they are isolated (-I), and modules of tests are not installed."""
    wrapper = folder / "python"
    wrapper.write_text(
        f'#!/bin/sh\nshift\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -s "$@"\n'
    )
    wrapper.chmod(0o700)
    return wrapper


class WorkerUnit:
    """Listens at `path`; a connection while another is served is closed at once."""

    def __init__(self, path: Path, folder: Path, interpreter: str) -> None:
        self.path = path
        self.served = 0
        """Connections that got a host."""
        self.host: subprocess.Popen[bytes] | None = None
        """Of the newest connection."""
        code = f"import sys; sys.executable = {interpreter!r}; from mltest.agent.launch.worker_host import main; main()"
        self._command = [sys.executable, "-I", "-c", code]
        self._folder = folder
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop listening and wait for the last host."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        if self.host is not None:
            self.host.wait()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if self.host is None or self.host.poll() is not None:
                    variables = {"TMPDIR": str(self._folder), "PATH": "/usr/bin:/bin"}
                    self.host = subprocess.Popen(self._command, stdin=connection.fileno(), env=variables)
                    self.served += 1


@contextmanager
def worker_unit(folder: Path, interpreter: str = sys.executable) -> Iterator[WorkerUnit]:
    """Listen below `folder` until the block ends."""
    (folder / "unit").mkdir()
    unit = WorkerUnit(folder / "worker.sock", folder / "unit", interpreter)
    try:
        yield unit
    finally:
        unit.end()
