"""What an agent does with an artifact before a worker opens it: sources are compiled."""

import hashlib
from pathlib import Path

from mltest.agent.native.artifact_flags import LANGUAGES, artifact_flags
from mltest.agent.native.compile import compile_library, compiler_path
from mltest.shared.domain import VisitCandidate
from tests.made_once import made_once


def as_opened(artifact: Path, candidate: VisitCandidate) -> Path:
    """Return what a worker opens for `artifact`; one that does not compile raises `CompileFailedError`."""
    if candidate.format not in LANGUAGES:
        return artifact
    language = LANGUAGES[candidate.format]
    flags = artifact_flags(candidate.options, language)
    key = hashlib.sha256(repr(flags).encode() + artifact.read_bytes()).hexdigest()

    def make(folder: Path) -> None:
        compile_library(compiler_path(language), [artifact], folder / "model.so", flags, language)

    return made_once(f"library {key}", make) / "model.so"
