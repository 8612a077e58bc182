"""Which library opens which format, and where it comes from; nothing is imported before a model is opened."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mltest.shared.errors import ModelUnsupportedError
from mltest.shared.model_format import CATBOOST, LIGHTGBM, XGBOOST_JSON, XGBOOST_UBJ
from mltest.shared.native.library_model import LibraryModel


@dataclass(frozen=True, slots=True)
class Library:
    """A library that opens models in its own format."""

    title: str
    """For people."""
    package: str
    """Importable name; the runtime has it too."""
    opener: str
    """Module with `open_model(path, threads)`."""

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f"pip install 'mltest-fleet[runtimes-{self.package}]'"


_XGBOOST = Library("XGBoost", "xgboost", "mltest.shared.native.xgboost_model")
LIBRARIES: Mapping[str, Library] = {
    XGBOOST_JSON: _XGBOOST,
    XGBOOST_UBJ: _XGBOOST,
    LIGHTGBM: Library("LightGBM", "lightgbm", "mltest.shared.native.lightgbm_model"),
    CATBOOST: Library("CatBoost", "catboost", "mltest.shared.native.catboost_model"),
}
"""By format of the model's file."""


def open_library_model(path: Path, file_format: str, *, threads: int = 1) -> LibraryModel:
    """Open the model in `path`, which computes with `threads` threads.

    Raises:
        ModelInvalidError: it is damaged or crafted.
        ModelUnsupportedError: it needs what is not supported, or its library is not installed here.

    """
    library = LIBRARIES[file_format]
    if find_spec(library.package) is None:
        raise ModelUnsupportedError(
            detail=f"it is a {library.title} model, and {library.title} is not installed where models are opened",
            next_step=library.remedy,
        )
    model: LibraryModel = importlib.import_module(library.opener).open_model(path, threads)
    return model
