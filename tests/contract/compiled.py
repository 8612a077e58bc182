"""What an agent does with an artifact before a worker opens it: sources are compiled."""

import hashlib
import tempfile
from functools import cache
from pathlib import Path

from mltest.agent.native.artifact_flags import C_SOURCE, artifact_flags
from mltest.agent.native.compile import compile_library, compiler_path
from mltest.shared.domain import VisitCandidate


def as_opened(artifact: Path, candidate: VisitCandidate) -> Path:
    """Return what a worker opens for `artifact`; one that does not compile raises `CompileFailedError`."""
    if candidate.format != C_SOURCE:
        return artifact
    library = _folder() / f"{hashlib.sha256(artifact.read_bytes()).hexdigest()}.so"
    if not library.exists():
        compile_library(compiler_path(), [artifact], library, artifact_flags(candidate.options))
    return library


@cache
def _folder() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="mltest-compiled-")
    _KEPT.append(kept)
    return Path(kept.name)


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []
"""Removed at the end of the process."""
