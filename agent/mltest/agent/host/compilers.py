"""Compilers on the path."""

import shutil
import subprocess

from mltest.shared.domain import Compiler
from mltest.shared.errors import CallAbsentError
from mltest.shared.native.compiler import compiler_path

_COMMANDS = ("gcc", "clang", "cc", "g++", "clang++", "c++")
_TIMEOUT_S = 10.0


def read_compilers() -> tuple[Compiler, ...]:
    """Return the compilers for C and C++ that can be started."""
    found = ((name, _version(path)) for name in _COMMANDS if (path := shutil.which(name)))
    return tuple(Compiler(name=name, version=version) for name, version in found if version)


def compiler_version(language: str = "c") -> str:
    """Return what the compiler says of itself that compiles artifacts in `language`; "" if there is none that works."""
    try:
        return _version(compiler_path(language))
    except CallAbsentError:
        return ""


def _version(path: str) -> str:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()[:200]
