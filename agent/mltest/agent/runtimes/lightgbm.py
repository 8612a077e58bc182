"""LightGBM itself: the model as submitted, and so the baseline of every LightGBM model."""

from pathlib import Path

from mltest.agent.runtimes.library_adapter import OpenLibraryModel
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate


@runtime
class LightGbm:
    """Runs a model by `Booster.predict`."""

    needs = RuntimeNeeds(
        name="lightgbm",
        formats=("lightgbm",),
        packages=("lightgbm", "numpy"),
        modules=("lightgbm", "numpy"),
        extra="runtimes-lightgbm",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a file of LightGBM; every index in it that can be checked is checked first."""
        return OpenLibraryModel(artifact, candidate)
