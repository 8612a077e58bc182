"""Has the loop, and programs of PyTorch, compiled in a confined child process, by the daemon, which opens none."""

from collections.abc import Sequence
from pathlib import Path

from mltest.agent.native.compile import loop_failure, loop_sources
from mltest.shared.children.child import ChildLimits, Confinement
from mltest.shared.errors import CompileFailedError
from mltest.shared.native.compiling import COMPILE_S, MEMORY_BYTES, CompileCost, answer_of_child, cost_from_frame

PROGRAM_COMPILE_S = 300
"""Inductor's headers alone take a slow board minutes."""
PROGRAM_BYTES = 1 << 30
"""A program's weights lie in its library."""

_MODULE = "mltest.agent.native.compile_child"
_INDUCTOR_MODULE = "mltest.agent.native.inductor_child"
_PROGRAM_LIMITS = ChildLimits(
    memory_bytes=2 * MEMORY_BYTES, file_bytes=PROGRAM_BYTES, cpu_s=PROGRAM_COMPILE_S, confinement=Confinement.COMPILER
)


async def compiled_in_child(sources: Sequence[Path], folder: Path, *, timeout_s: float = COMPILE_S) -> Path:
    """Return the shared library of the C files `sources`, which is in `folder`; whoever wrote them may be hostile.

    Raises:
        CallAbsentError: there is no C compiler here.
        CompileFailedError: it refuses, or dies of a limit; its first lines are in the message.
        DeadlineError: it takes longer than `timeout_s`.
        ResourceLimitError: it is over another limit, which is named.

    """
    frame = {"command": "compile", "sources": [str(path) for path in sources]}
    answer = await answer_of_child(_MODULE, frame, sources, folder, timeout_s=timeout_s)
    return folder / Path(str(answer["library"])).name


async def program_in_child(program: Path, folder: Path, threads: int, python: Path | None) -> CompileCost:
    """Compile a program of PyTorch for `threads` threads into the file ARTIFACT in `folder`, which is for this alone.

    `python` is the interpreter of PyTorch's own environment; None means that of the agent.

    Raises:
        MltestError: as for `compiled_in_child`; EnvironmentBrokenError: there is no interpreter `python`.

    """
    frame = {"command": "program", "source": str(program), "threads": threads}
    answer = await answer_of_child(
        _INDUCTOR_MODULE,
        frame,
        [program],
        folder,
        timeout_s=PROGRAM_COMPILE_S,
        limits=_PROGRAM_LIMITS,
        python=python,
    )
    return cost_from_frame(answer)


async def loop_in_child(folder: Path) -> Path:
    """Return the library with the loop and the calls of every runtime, compiled into `folder` if need be.

    Raises:
        MltestError: there is none; the message says what mends it.

    """
    try:
        return await compiled_in_child(loop_sources(), folder)
    except CompileFailedError as error:
        raise loop_failure(error) from error
