"""Has sources of candidates compiled in a confined child process, by a daemon, which opens none of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mltest.shared.children.child import Child, ChildLimits, Confinement
from mltest.shared.children.frames import Frame, checked_number

COMPILE_S = 180
"""Of processor time and of time; nested ifs of 80,000 nodes take a quarter of it on a processor of 2021."""
MEMORY_BYTES = 2 << 30
OUTPUT_BYTES = 64 << 20

SOURCE_LIMITS = ChildLimits(
    memory_bytes=MEMORY_BYTES, file_bytes=OUTPUT_BYTES, cpu_s=COMPILE_S, confinement=Confinement.COMPILER
)
"""Of a child that compiles C or C++."""

_MODULE = "mltest.shared.native.artifact_child"


@dataclass(frozen=True, slots=True)
class CompileCost:
    """What compiling took."""

    compile_ns: int
    compile_peak_bytes: int
    """Resident memory of the largest process of the compiler."""


async def artifact_in_child(
    source: Path, folder: Path, flags: Sequence[str], language: str, *, timeout_s: float = COMPILE_S
) -> CompileCost:
    """Compile the source of a candidate, in C or C++, into the file ARTIFACT in `folder`, which is for this alone.

    Raises:
        CallAbsentError: there is no compiler here.
        CompileFailedError: it refuses, or dies of a limit; its first lines are in the message.
        DeadlineError: it takes longer than `timeout_s`.
        ResourceLimitError: it is over another limit, which is named.

    """
    frame = {"command": "artifact", "source": str(source), "flags": list(flags), "language": language}
    answer = await answer_of_child(_MODULE, frame, [source], folder, timeout_s=timeout_s)
    return cost_from_frame(answer)


async def answer_of_child(
    module: str,
    frame: Frame,
    sources: Sequence[Path],
    folder: Path,
    *,
    timeout_s: float,
    limits: ChildLimits = SOURCE_LIMITS,
    python: Path | None = None,
) -> Frame:
    """Return what a child that runs `module`, and reads `sources` and the system's files only, answers to `frame`.

    `python` is the interpreter of another environment; None means that of this process.

    Raises:
        MltestError: as for `artifact_in_child`; EnvironmentBrokenError: there is no interpreter `python`.

    """
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    own = replace(limits, readable=tuple(map(str, sources)))
    child = await Child.spawn(module, folder=folder, limits=own, python=python)
    try:
        return await child.request(frame, timeout_s=timeout_s, what="compiling")
    finally:
        await child.kill()


def cost_from_frame(answer: Frame) -> CompileCost:
    """Return what a child says that compiling took (ValueError, KeyError: it says nothing of the kind)."""
    peak_bytes = checked_number(answer["compile_peak_bytes"], "compile_peak_bytes")
    return CompileCost(checked_number(answer["compile_ns"], "compile_ns"), peak_bytes)
