"""Which artifacts can be asked where tests are made, and what that takes. Pure."""

from importlib.util import find_spec

from mltest.shared.domain import Candidate
from mltest.shared.native.artifact_flags import LANGUAGES
from mltest.shared.native.torch_module import BUILDER_REMEDY

_MODULES = {
    "treelite-checkpoint": ("treelite", "pip install 'mltest-fleet[coordinator]'"),
    "xgboost-json": ("xgboost", "pip install 'mltest-fleet[runtimes-xgboost]'"),
    "xgboost-ubj": ("xgboost", "pip install 'mltest-fleet[runtimes-xgboost]'"),
    "lightgbm": ("lightgbm", "pip install 'mltest-fleet[runtimes-lightgbm]'"),
    "catboost": ("catboost", "pip install 'mltest-fleet[runtimes-catboost]'"),
    "pt2": ("torch", BUILDER_REMEDY),
    "torchscript": ("torch", BUILDER_REMEDY),
    "tflite": ("ai_edge_litert", "pip install 'mltest-fleet[runtimes-litert]'"),
}
"""Of formats that a library of its own opens: its module, and what installs it."""
_FORMATS = ("skops", "pickle", "onnx", "linear-npz", *LANGUAGES, *_MODULES)


def openable_obstacle(candidate: Candidate) -> str:
    """Return why the artifact of `candidate` cannot be asked about other rows here; empty if it can."""
    if candidate.format not in _FORMATS:
        return f"nothing opens {candidate.format} artifacts where tests are made, and an attack asks there"
    module, remedy = _MODULES.get(candidate.format, ("", ""))
    if module and find_spec(module) is None:
        return (
            f"{candidate.format} artifacts need {module} on the coordinator's machine, where tests are made: {remedy}"
        )
    return ""
