"""Compilers on the path."""

import shutil
import subprocess

from mltest.shared.domain import Compiler

_COMMANDS = ("gcc", "clang", "cc")
_TIMEOUT_S = 10.0


def read_compilers() -> tuple[Compiler, ...]:
    """Return the C compilers that can be started."""
    found = ((name, _version(path)) for name in _COMMANDS if (path := shutil.which(name)))
    return tuple(Compiler(name=name, version=version) for name, version in found if version)


def _version(path: str) -> str:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()[:200]
