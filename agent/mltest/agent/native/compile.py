"""Compiles C and C++ where it runs: the agent's own loop, and sources that came with a model.

Sources of others are compiled in a confined child only (`compiling`).
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mltest.shared.errors import CallAbsentError, CompileFailedError

FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared")
FIRST_LINES = 20
"""Of what a compiler says."""

_COMPILERS = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
_FOLDER = Path(__file__).parent
_TIMEOUT_S = 75.0
_MAX_SAID_BYTES = 20_000
COMPILER_REMEDY = "apt install gcc (Debian, Ubuntu), dnf install gcc (Fedora, RHEL), apk add gcc musl-dev (Alpine)"
REMEDIES = {
    "c": COMPILER_REMEDY,
    "c++": "apt install g++ (Debian, Ubuntu), dnf install gcc-c++ (Fedora, RHEL), apk add g++ musl-dev (Alpine)",
}
"""What installs a compiler for each language."""
_NEEDED_FOR = {"c": "native calls need a C compiler", "c++": "sources in C++ need a C++ compiler"}


def compiled_loop(folder: Path) -> Path:
    """Return the shared library with the loop and the calls of every runtime, compiled into `folder` if need be.

    Raises:
        CallAbsentError: there is no C compiler on this machine, or it fails; what mends it is in the message.

    """
    try:
        return compiled_library(loop_sources(), folder)
    except CompileFailedError as error:
        raise loop_failure(error) from error


def loop_sources() -> list[Path]:
    """Return the sources of the loop."""
    return sorted(_FOLDER.glob("*.c"))


def loop_failure(error: CompileFailedError) -> CallAbsentError:
    """Return what a compiler that cannot even compile the loop means."""
    lines = error.message.splitlines()
    line = next((line for line in lines if "error" in line.lower()), lines[0])
    return CallAbsentError(detail=f"the C compiler cannot compile the loop: {line[:300]}; {COMPILER_REMEDY}")


def compiled_library(sources: Sequence[Path], folder: Path) -> Path:
    """Return the shared library of `sources`, compiled into `folder` if it is not there.

    Its name depends on the sources, the compiler and the flags, so that an older one is never taken for it.

    Raises:
        CallAbsentError: there is no C compiler on this machine; what mends it is in the message.
        CompileFailedError: it refuses; the first lines of what it says are in the message.

    """
    compiler = compiler_path()
    library = folder / f"native-{_key(compiler, sources)}.so"
    if not library.exists():
        compile_library(compiler, sources, library, FLAGS)
    return library


def compiler_path(language: str = "c") -> str:
    """Return the compiler for `language` (c, c++) of this machine.

    Raises:
        CallAbsentError: there is none; what mends it is in the message.

    """
    for name in _COMPILERS[language]:
        if found := shutil.which(name):
            return found
    raise CallAbsentError(detail=f"{_NEEDED_FOR[language]} on the agent's machine: {REMEDIES[language]}")


def compile_library(
    compiler: str, sources: Sequence[Path], library: Path, flags: Sequence[str], language: str = "c"
) -> None:
    """Compile `sources` into `library`: into a file of another name first, so that nobody loads half of it.

    Raises:
        CallAbsentError: the compiler does not work; what mends it is in the message.
        CompileFailedError: it refuses; the first lines of what it says are in the message.

    """
    descriptor, name = tempfile.mkstemp(prefix="native-", suffix=".part", dir=library.parent)
    os.close(descriptor)
    unfinished = Path(name)
    # Into a file, since what a compiler says of hostile sources has no end.
    with tempfile.TemporaryFile(dir=library.parent) as said:
        try:
            command = [compiler, *flags, "-o", name, "-x", language, *map(str, sources), "-lm"]
            if _run(command, library.parent, said.fileno()):
                text = os.pread(said.fileno(), _MAX_SAID_BYTES, 0).decode(errors="replace")
                raise CompileFailedError(detail=_first_lines(text) or f"{compiler} failed")
            unfinished.replace(library)
        finally:
            unfinished.unlink(missing_ok=True)


def _key(compiler: str, sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in (*sources, *sorted(_FOLDER.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    with tempfile.TemporaryFile() as said:
        _run([compiler, "--version"], _FOLDER, said.fileno())
        version = os.pread(said.fileno(), _MAX_SAID_BYTES, 0).decode(errors="replace")
    digest.update("\0".join((compiler, version, platform.machine(), *FLAGS)).encode())
    return digest.hexdigest()[:16]


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:FIRST_LINES])


def _run(command: list[str], folder: Path, said: int) -> int:
    """Run `command` in `folder`, with what it says going to the file `said`; return its exit status."""
    # Compilers keep what they need between their passes in TMPDIR; a worker has a folder of its own for such things.
    variables = os.environ | {"TMPDIR": str(folder)} if os.access(folder, os.W_OK) else dict(os.environ)
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=variables | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=_TIMEOUT_S,
        ).returncode
    except subprocess.TimeoutExpired as error:
        detail = (
            f"{command[0]} took longer than {_TIMEOUT_S:g} s for it; a smaller model, or a busy machine at rest, helps"
        )
        raise CompileFailedError(detail=detail) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CallAbsentError(detail=f"the compiler {command[0]} does not work ({error}): {COMPILER_REMEDY}") from error
