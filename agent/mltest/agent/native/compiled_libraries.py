"""Libraries compiled from sources of candidates: once for each source, compiler and flags, kept for later visits."""

import asyncio
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.launch.output_file import open_output
from mltest.agent.native.compiling import program_in_child
from mltest.shared.native.artifact_child import ARTIFACT
from mltest.shared.native.artifact_flags import artifact_flags
from mltest.shared.native.compiler import compiler_path
from mltest.shared.native.compiling import CompileCost, artifact_in_child

KEPT_BYTES = 512 << 20
"""Of all libraries that no visit uses; those that were not used for the longest time go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLibrary:
    """What came of one source."""

    path: Path
    size_bytes: int
    cost: CompileCost
    """When it was compiled, which may be long ago."""


class CompiledLibraries:
    """Below `folder`, where the agent alone writes: each source is compiled in a folder of its own."""

    def __init__(self, folder: Path, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._used: set[str] = set()

    async def compiled(
        self, source: Path, sha256: str, options: Mapping[str, str], language: str = "c"
    ) -> CompiledLibrary:
        """Return the library of `source`, whose bytes have the SHA-256 `sha256`; its writer may be hostile.

        Raises:
            MltestError: it cannot be compiled; the message says why.

        """
        flags = artifact_flags(options, language)
        key = _key(sha256, flags, language)
        return await self._kept(key, lambda folder: artifact_in_child(source, folder, flags, language))

    async def compiled_program(
        self, program: Path, sha256: str, threads: int, python: Path | None = None
    ) -> CompiledLibrary:
        """Return the library that Inductor makes of a program of PyTorch, whose bytes have the SHA-256 `sha256`.

        `python` is the interpreter of PyTorch's own environment; None means that of the agent.

        Raises:
            MltestError: it cannot be compiled; the message says why.

        """
        environment = Path(sys.prefix) if python is None else python.parent.parent
        made = environment.stat().st_mtime_ns if environment.is_dir() else 0
        key = _key(sha256, ("inductor", str(threads), str(environment), str(made)), "c++")
        return await self._kept(key, lambda folder: program_in_child(program, folder, threads, python))

    async def _kept(self, key: str, compile_in: Callable[[Path], Awaitable[CompileCost]]) -> CompiledLibrary:
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        self._used.add(key)
        if (found := self._found(key)) is None:
            await self._compile(key, compile_in)
            self._drop_old()
            found = self._found(key)
        assert found is not None
        return found

    def _found(self, key: str) -> CompiledLibrary | None:
        path, record = self._library(key), self._record(key)
        try:
            cost = CompileCost(**json.loads(record.read_text()))
            os.utime(path)
            return CompiledLibrary(path=path, size_bytes=path.stat().st_size, cost=cost)
        except (OSError, ValueError, TypeError):
            return None

    async def _compile(self, key: str, compile_in: Callable[[Path], Awaitable[CompileCost]]) -> None:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="compile-", dir=self._folder))
        try:
            cost = await compile_in(folder)
            await asyncio.to_thread(self._keep, key, folder / ARTIFACT, cost)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _keep(self, key: str, compiled: Path, cost: CompileCost) -> None:
        """Copy what the child wrote; the record, without which it does not count, comes last."""
        with open_output(compiled) as stream, self._library(key).open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        content = {"compile_ns": cost.compile_ns, "compile_peak_bytes": cost.compile_peak_bytes}
        self._record(key).write_text(json.dumps(content))

    def _drop_old(self) -> None:
        unused = [path for path in self._folder.glob("*.so") if path.stem not in self._used]
        newest_first = sorted(unused, key=lambda path: path.stat().st_mtime_ns, reverse=True)
        total = 0
        for path in newest_first:
            total += path.stat().st_size
            if total > self._kept_bytes:
                self._record(path.stem).unlink(missing_ok=True)
                path.unlink()

    def _library(self, key: str) -> Path:
        return self._folder / f"{key}.so"

    def _record(self, key: str) -> Path:
        # PyTorch takes a file of the library's name that ends in .json for its own.
        return self._folder / f"{key}.cost"


def _key(sha256: str, flags: Sequence[str], language: str) -> str:
    """Return what decides the library's bytes; a compiler is told from another by its file."""
    compiler = Path(compiler_path(language)).resolve()
    found = compiler.stat()
    facts = (sha256, *flags, str(compiler), str(found.st_size), str(found.st_mtime_ns), platform.machine())
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]
