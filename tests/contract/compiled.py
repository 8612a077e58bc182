"""What an agent does with an artifact before a worker opens it: sources are compiled."""

import hashlib
import tempfile
from functools import cache
from pathlib import Path

from mltest.agent.native.artifact_flags import LANGUAGES, artifact_flags
from mltest.agent.native.compile import compile_library, compiler_path
from mltest.shared.domain import VisitCandidate


def as_opened(artifact: Path, candidate: VisitCandidate) -> Path:
    """Return what a worker opens for `artifact`; one that does not compile raises `CompileFailedError`."""
    if candidate.format not in LANGUAGES:
        return artifact
    library = _folder() / f"{hashlib.sha256(artifact.read_bytes()).hexdigest()}.so"
    if not library.exists():
        language = LANGUAGES[candidate.format]
        flags = artifact_flags(candidate.options, language)
        compile_library(compiler_path(language), [artifact], library, flags, language)
    return library


@cache
def _folder() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="mltest-compiled-")
    _KEPT.append(kept)
    return Path(kept.name)


_KEPT: list["tempfile.TemporaryDirectory[str]"] = []
"""Removed at the end of the process."""
