"""Sources of candidates, compiled where tests are made; the coordinator itself opens none of it."""

import asyncio
import tempfile
from pathlib import Path

from mltest.shared.domain import Candidate
from mltest.shared.errors import CallAbsentError, ToolMissingError
from mltest.shared.native.artifact_child import ARTIFACT
from mltest.shared.native.artifact_flags import LANGUAGES, artifact_flags
from mltest.shared.native.compiler import REMEDIES
from mltest.shared.native.compiling import artifact_in_child


class CompiledArtifacts:
    """Below `folder`: each source is compiled once for its flags, by a confined child in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[Path, tuple[str, ...]], Path] = {}

    async def opened(self, candidate: Candidate, artifact: Path) -> Path:
        """Return what is opened of `artifact`: the library of a source, else the artifact itself.

        Raises:
            ToolMissingError: there is no compiler here; what mends it is in the message.
            MltestError: it cannot be compiled; the message says why.

        """
        if candidate.format not in LANGUAGES:
            return artifact
        language = LANGUAGES[candidate.format]
        key = (artifact, artifact_flags(candidate.options, language))
        if key not in self._made:
            self._made[key] = await self._compiled(*key, language)
        return self._made[key]

    async def _compiled(self, source: Path, flags: tuple[str, ...], language: str) -> Path:
        made = await asyncio.to_thread(tempfile.mkdtemp, prefix="compiled-", dir=self._folder.absolute())
        try:
            await artifact_in_child(source, Path(made), flags, language)
        except CallAbsentError as error:
            detail = f"there is none on the coordinator's machine: {REMEDIES[language]}"
            raise ToolMissingError(tool=f"a compiler for {language.upper()}", detail=detail) from error
        return Path(made) / ARTIFACT
