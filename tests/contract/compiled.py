"""What an agent does with an artifact before a worker opens it: sources are compiled."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mltest.agent.native.compiled_libraries import CompiledLibraries
from mltest.shared.domain import VisitCandidate
from mltest.shared.native.artifact_flags import LANGUAGES, artifact_flags
from mltest.shared.native.compiled_program import TORCH_COMPILE
from mltest.shared.native.compiler import compile_library, compiler_path
from tests.made_once import made_once


def as_opened(artifact: Path, candidate: VisitCandidate) -> Path:
    """Return what a worker opens for `artifact`; one that does not compile raises `CompileFailedError`."""
    if candidate.runtime == TORCH_COMPILE:
        return _by_inductor(artifact, candidate)
    if candidate.format not in LANGUAGES:
        return artifact
    language = LANGUAGES[candidate.format]
    flags = artifact_flags(candidate.options, language)
    key = hashlib.sha256(repr(flags).encode() + artifact.read_bytes()).hexdigest()

    def make(folder: Path) -> None:
        compile_library(compiler_path(language), [artifact], folder / "model.so", flags, language)

    return made_once(f"library {key}", make) / "model.so"


def _by_inductor(program: Path, candidate: VisitCandidate) -> Path:
    """Return what an agent's confined child makes of a program of PyTorch."""
    sha256 = hashlib.sha256(program.read_bytes()).hexdigest()
    compiling = CompiledLibraries(program.parent / "compiled").compiled_program(program, sha256, candidate.threads)
    with ThreadPoolExecutor(1) as thread:
        # Some tests have a loop of events of their own.
        return thread.submit(asyncio.run, compiling).result().path
