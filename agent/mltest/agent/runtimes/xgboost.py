"""XGBoost itself: the model as submitted, and so the baseline of every XGBoost model."""

from pathlib import Path

from mltest.agent.runtimes.library_adapter import OpenLibraryModel
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate


@runtime
class XGBoost:
    """Runs a model by `Booster.inplace_predict`."""

    needs = RuntimeNeeds(
        name="xgboost",
        formats=("xgboost-json", "xgboost-ubj"),
        packages=("xgboost-cpu", "numpy"),
        stand_ins={"xgboost-cpu": "xgboost"},
        modules=("xgboost", "numpy"),
        extra="runtimes-xgboost",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a file of XGBoost; every index in it that can be checked is checked first."""
        return OpenLibraryModel(artifact, candidate)
