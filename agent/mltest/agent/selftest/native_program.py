"""The C loop that times treelite independently of the agent: compiled as a program and as a library, started, asked."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.errors import MltestError

_SOURCE = Path(__file__).with_name("native_loop.c")
_COMPILERS = ("cc", "gcc", "clang")
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeInput:
    """What the loop times."""

    library: Path
    """libtreelite.so."""
    model: Path
    rows: Path
    """Raw rows, one behind the other."""
    dtype: str
    row_bytes: int
    row_count: int
    batch_size: int
    output_bytes: int
    """Of one answer."""

    def arguments(self) -> list[str]:
        """Return what native_loop.c takes."""
        numbers = (self.row_bytes, self.row_count, self.batch_size, self.output_bytes)
        return [str(self.library), str(self.model), str(self.rows), self.dtype, *map(str, numbers)]


@dataclass(frozen=True, slots=True)
class CompiledLoop:
    """The two forms of the loop."""

    program: Path
    library: Path


async def compiled(folder: Path) -> CompiledLoop:
    """Compile the loop into `folder`.

    Raises:
        MltestError: there is no C compiler, or it fails; the message says how to mend it.

    """
    compiler = next((found for name in _COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise MltestError("there is no C compiler on this machine; install one (Debian, Ubuntu: apt install gcc)")
    loop = CompiledLoop(folder / "native_loop", folder / "native_loop.so")
    await _compile(compiler, loop.program)
    await _compile(compiler, loop.library, "-shared", "-fPIC")
    return loop


async def _compile(compiler: str, target: Path, *flags: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(compiler, "-O2", *flags, "-o", str(target), str(_SOURCE), "-ldl"), stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    if process.returncode:
        raise MltestError(f"{compiler} failed: {complaint.decode(errors='replace').strip()[:500]}")


class NativeProgram:
    """The running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, program: Path, given: NativeInput) -> "NativeProgram":
        """Start it."""
        process = await asyncio.create_subprocess_exec(
            *(str(program), *given.arguments()), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return cls(process)

    async def median_ns(self, slice_ns: int) -> float:
        """Let it call for so long, and return the median time of a call.

        Raises:
            MltestError: it ended.

        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{slice_ns}\n".encode())
            async with asyncio.timeout(_TIMEOUT_S):
                line = await self._process.stdout.readline()
            return float(line)
        except (OSError, ValueError, TimeoutError) as error:
            await self.end()
            raise MltestError(f"the C program ended with status {self._process.returncode}") from error

    async def end(self) -> None:
        """End it and wait for that."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
