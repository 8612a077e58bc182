"""Which artifacts can be asked where tests are made. Pure."""

from mltest.shared.domain import Candidate

_FORMATS = (
    "skops",
    "pickle",
    "onnx",
    "treelite-checkpoint",
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm",
    "catboost",
)


def openable_obstacle(candidate: Candidate) -> str:
    """Return why the artifact of `candidate` cannot be asked about other rows here; empty if it can."""
    if candidate.format in _FORMATS:
        return ""
    return f"{candidate.format} artifacts are compiled or run on agents only, and an attack asks where tests are made"
