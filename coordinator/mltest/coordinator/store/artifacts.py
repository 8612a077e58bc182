"""Artifacts that were made before, by recipe."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mltest.coordinator.store.database import Database
from mltest.coordinator.store.slim_sqlite_utils import NotFoundError
from mltest.shared.jsonable import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedArtifact:
    """What an exporter made; its bytes are a blob, which may have been evicted."""

    sha256: str
    size_bytes: int
    input_dtype: str
    options: Mapping[str, str]


class ArtifactCache:
    """Artifacts by recipe key, over all jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, recipe_key: str) -> CachedArtifact | None:
        """Return the artifact of a recipe; None if it was never made."""
        try:
            row = self._database.table("artifact_cache").get(recipe_key)
        except NotFoundError:
            return None
        return CachedArtifact(
            sha256=row["sha256"],
            size_bytes=row["size_bytes"],
            input_dtype=row["input_dtype"],
            options=from_json(row["options_json"], dict[str, str]),
        )

    def put(self, recipe_key: str, artifact: CachedArtifact) -> None:
        """Keep the artifact of a recipe; a later one replaces it."""
        with self._database.transaction():
            self._database.table("artifact_cache").upsert(
                {
                    "recipe_key": recipe_key,
                    "sha256": artifact.sha256,
                    "size_bytes": artifact.size_bytes,
                    "input_dtype": artifact.input_dtype,
                    "options_json": to_json(dict(artifact.options)),
                    "made_unix_ns": time.time_ns(),
                },
                pk="recipe_key",
            )
