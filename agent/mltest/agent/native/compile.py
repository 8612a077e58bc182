"""Compiles the loop in C where it runs; nothing but a C compiler is needed."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from mltest.shared.errors import CallAbsentError

FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared")

_COMPILERS = ("cc", "gcc", "clang")
_FOLDER = Path(__file__).parent
_TIMEOUT_S = 60.0
_REMEDY = "apt install gcc (Debian, Ubuntu), dnf install gcc (Fedora, RHEL), apk add gcc musl-dev (Alpine)"


def compiled_loop(folder: Path) -> Path:
    """Return the shared library with the loop and the calls of every runtime, compiled into `folder` if need be.

    Its name depends on the sources, the compiler and the flags, so that an older one is never taken for it.

    Raises:
        CallAbsentError: there is no C compiler on this machine, or it fails; what mends it is in the message.

    """
    compiler = _compiler()
    library = folder / f"native-{_key(compiler)}.so"
    if not library.exists():
        _compile(compiler, library)
    return library


def _compiler() -> str:
    for name in _COMPILERS:
        if found := shutil.which(name):
            return found
    raise CallAbsentError(detail=f"native calls need a C compiler on the agent's machine: {_REMEDY}")


def _sources() -> list[Path]:
    return sorted(_FOLDER.glob("*.c"))


def _key(compiler: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.[ch]")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    version = _run([compiler, "--version"], _FOLDER).stdout
    digest.update("\0".join((compiler, version, platform.machine(), *FLAGS)).encode())
    return digest.hexdigest()[:16]


def _compile(compiler: str, library: Path) -> None:
    """Compile into a file of another name first, so that nobody loads half of it."""
    descriptor, name = tempfile.mkstemp(prefix="native-", suffix=".part", dir=library.parent)
    os.close(descriptor)
    unfinished = Path(name)
    try:
        sources = [str(path) for path in _sources()]
        done = _run([compiler, *FLAGS, "-o", name, *sources], library.parent)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [f"{compiler} failed"]
            raise CallAbsentError(detail=f"{Path(compiler).name} cannot compile the loop: {lines[0][:300]}; {_REMEDY}")
        unfinished.replace(library)
    finally:
        unfinished.unlink(missing_ok=True)


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    # Compilers keep what they need between their passes in TMPDIR; a worker has a folder of its own for such things.
    variables = os.environ | {"TMPDIR": str(folder)} if os.access(folder, os.W_OK) else dict(os.environ)
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=variables | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CallAbsentError(detail=f"the C compiler {command[0]} does not work ({error}): {_REMEDY}") from error
