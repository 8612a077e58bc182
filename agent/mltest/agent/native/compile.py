"""Compiles the agent's own loop where it runs."""

import hashlib
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mltest.shared.errors import CallAbsentError, CompileFailedError
from mltest.shared.native.compiler import COMPILER_REMEDY, compile_library, compiler_path, run_compiler, said_text

FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared")
_FOLDER = Path(__file__).parent


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


def _key(compiler: str, sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in (*sources, *sorted(_FOLDER.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    with tempfile.TemporaryFile() as said:
        run_compiler([compiler, "--version"], _FOLDER, said.fileno())
        version = said_text(said.fileno())
    digest.update("\0".join((compiler, version, platform.machine(), *FLAGS)).encode())
    return digest.hexdigest()[:16]
