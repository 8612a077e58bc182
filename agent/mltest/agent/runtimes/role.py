"""The role of a runtime: it opens an artifact in a worker and predicts with it.

An adapter module imports its library inside `open` only: describing a runtime costs nothing. Adapters are registered by
decorator here, or from outside by the entry point group `mltest.runtimes`; `tests/contract/test_runtimes.py` holds
what every one of them has to pass.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mltest.shared.domain import VisitCandidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeNeeds:
    """What a runtime says of itself without being imported; matching is done on this."""

    name: str
    """As in recipes."""
    formats: tuple[str, ...]
    """Artifact formats that it opens."""
    packages: tuple[str, ...]
    """Distributions that have to be installed; the first one's version is the runtime's version."""
    modules: tuple[str, ...]
    """Modules that have to be importable."""
    extra: str
    """Extra of this project that installs it."""


class OpenModel(Protocol):
    """An artifact that is ready to predict."""

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return `rows` (rows, features) in the runtime's dtype and layout, C-contiguous; never timed."""
        ...

    def predict(self, batch: "NDArray[np.floating]") -> object:
        """Return the candidate's output for `batch`, a slice of what `prepare` returned.

        This is the timed call: exactly what a user of the runtime calls from Python to get the job's output.
        """
        ...

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores for `batch`, a slice of what `prepare` returned; never timed."""
        ...


class Runtime(Protocol):
    """What executes artifacts of some formats."""

    needs: RuntimeNeeds

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open `artifact` with the options of `candidate`.

        Raises:
            ModelInvalidError: the bytes are not what their format promises.
            ModelUnsupportedError: the runtime cannot execute them.

        """
        ...
