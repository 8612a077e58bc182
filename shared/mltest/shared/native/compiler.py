"""The C and C++ compilers of this machine, and a library that one of them makes.

Sources of others are compiled in a confined child only (`compiling`).
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mltest.shared.errors import CallAbsentError, CompileFailedError

FIRST_LINES = 20
"""Of what a compiler says."""
COMPILER_REMEDY = "apt install gcc (Debian, Ubuntu), dnf install gcc (Fedora, RHEL), apk add gcc musl-dev (Alpine)"
REMEDIES = {
    "c": COMPILER_REMEDY,
    "c++": "apt install g++ (Debian, Ubuntu), dnf install gcc-c++ (Fedora, RHEL), apk add g++ musl-dev (Alpine)",
}
"""What installs a compiler for each language."""

_COMPILERS = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
_TIMEOUT_S = 75.0
_MAX_SAID_BYTES = 20_000
_NEEDED_FOR = {"c": "native calls need a C compiler", "c++": "sources in C++ need a C++ compiler"}


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
            if run_compiler(command, library.parent, said.fileno()):
                raise CompileFailedError(detail=_first_lines(said_text(said.fileno())) or f"{compiler} failed")
            unfinished.replace(library)
        finally:
            unfinished.unlink(missing_ok=True)


def run_compiler(command: list[str], folder: Path, said: int) -> int:
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


def said_text(said: int) -> str:
    """Return what the file `said` begins with: what a compiler says of hostile sources has no end."""
    return os.pread(said, _MAX_SAID_BYTES, 0).decode(errors="replace")


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:FIRST_LINES])
