"""Has C and C++ compiled in a confined child process, by the daemon, which opens none of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.native.compile import loop_failure, loop_sources
from mltest.agent.visit.worker_answers import number
from mltest.shared.child import Child, ChildLimits, Confinement
from mltest.shared.errors import CompileFailedError
from mltest.shared.frames import Frame

COMPILE_S = 180
"""Of processor time and of time; nested ifs of 80,000 nodes take a quarter of it on a processor of 2021."""
MEMORY_BYTES = 2 << 30
OUTPUT_BYTES = 64 << 20

_MODULE = "mltest.agent.native.compile_child"


@dataclass(frozen=True, slots=True)
class CompileCost:
    """What compiling took."""

    compile_ns: int
    compile_peak_bytes: int
    """Resident memory of the largest process of the compiler."""


async def compiled_in_child(sources: Sequence[Path], folder: Path, *, timeout_s: float = COMPILE_S) -> Path:
    """Return the shared library of the C files `sources`, which is in `folder`; whoever wrote them may be hostile.

    Raises:
        CallAbsentError: there is no C compiler here.
        CompileFailedError: it refuses, or dies of a limit; its first lines are in the message.
        DeadlineError: it takes longer than `timeout_s`.
        ResourceLimitError: it is over another limit, which is named.

    """
    frame = {"command": "compile", "sources": [str(path) for path in sources]}
    answer = await _answered(frame, sources, folder, timeout_s)
    return folder / Path(str(answer["library"])).name


async def artifact_in_child(
    source: Path, folder: Path, flags: Sequence[str], language: str, *, timeout_s: float = COMPILE_S
) -> CompileCost:
    """Compile the source of a candidate, in C or C++, into the file ARTIFACT in `folder`, which is for this alone.

    Raises:
        MltestError: as for `compiled_in_child`.

    """
    frame = {"command": "artifact", "source": str(source), "flags": list(flags), "language": language}
    answer = await _answered(frame, [source], folder, timeout_s)
    return CompileCost(number(answer, "compile_ns"), number(answer, "compile_peak_bytes"))


async def loop_in_child(folder: Path) -> Path:
    """Return the library with the loop and the calls of every runtime, compiled into `folder` if need be.

    Raises:
        MltestError: there is none; the message says what mends it.

    """
    try:
        return await compiled_in_child(loop_sources(), folder)
    except CompileFailedError as error:
        raise loop_failure(error) from error


async def _answered(frame: Frame, sources: Sequence[Path], folder: Path, timeout_s: float) -> Frame:
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    limits = ChildLimits(
        memory_bytes=MEMORY_BYTES,
        file_bytes=OUTPUT_BYTES,
        cpu_s=COMPILE_S,
        confinement=Confinement.COMPILER,
        readable=tuple(map(str, sources)),
    )
    child = await Child.spawn(_MODULE, folder=folder, limits=limits)
    try:
        return await child.request(frame, timeout_s=timeout_s, what="compiling")
    finally:
        await child.kill()
