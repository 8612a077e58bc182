"""CatBoost itself: the model as submitted, and so the baseline of every CatBoost model."""

from pathlib import Path

from mltest.agent.runtimes.library_adapter import OpenLibraryModel
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate


@runtime
class CatBoost:
    """Runs a model by `CatBoost.predict`."""

    needs = RuntimeNeeds(
        name="catboost",
        formats=("catboost",),
        packages=("catboost", "numpy"),
        modules=("catboost", "numpy"),
        extra="runtimes-catboost",
        is_apart=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a file of CatBoost."""
        return OpenLibraryModel(artifact, candidate)
