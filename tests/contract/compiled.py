"""What an agent does with an artifact before a worker opens it: sources are compiled."""

import hashlib
from pathlib import Path

from mltest.agent.native.artifact_flags import C_SOURCE, artifact_flags
from mltest.agent.native.compile import compile_library, compiler_path
from mltest.shared.domain import VisitCandidate
from tests.made_once import made_once


def as_opened(artifact: Path, candidate: VisitCandidate) -> Path:
    """Return what a worker opens for `artifact`; one that does not compile raises `CompileFailedError`."""
    if candidate.format != C_SOURCE:
        return artifact
    flags = artifact_flags(candidate.options)
    key = hashlib.sha256(repr(flags).encode() + artifact.read_bytes()).hexdigest()

    def make(folder: Path) -> None:
        compile_library(compiler_path(), [artifact], folder / "model.so", flags)

    return made_once(f"library {key}", make) / "model.so"
