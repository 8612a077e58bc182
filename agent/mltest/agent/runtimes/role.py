"""The role of a runtime: it opens an artifact in a worker and predicts with it.

An adapter module imports its library inside `open` only: describing a runtime costs nothing. Adapters are registered by
decorator here, or from outside by the entry point group `mltest.runtimes`; `tests/contract/test_runtimes.py` holds
what every one of them has to pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mltest.agent.environments.environments import environment_of
from mltest.shared.domain import VisitCandidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
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
    is_apart: bool = False
    """Whether it is meant for an environment of its own: it is large, or clashes with another."""
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """For a package, by its name, another one with the same modules, which does as well."""
    machines: tuple[str, ...] = ()
    """Architectures (uname -m) that it exists for; empty means: all."""
    needs_gpu: bool = False
    """Whether it computes on a GPU of NVIDIA: where its driver finds none it is absent, and its workers may use one."""
    further_packages: tuple[str, ...] = ()
    """Distributions that its own environment gets beside `packages`, and that may as well come from the system."""
    needs_compiler: bool = False
    """Whether a compiler for its formats has to be there; where they are sources, its version is the runtime's."""

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        if self.is_apart:
            return f"mltest-agent runtimes install {environment_of(self.name)}"
        return f"pip install 'mltest-fleet[{self.extra}]'" if self.extra else ""


class OpenModel(Protocol):
    """An artifact that is ready to predict."""

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return `rows` (rows, features) in the runtime's dtype and layout, C-contiguous; never timed."""
        ...

    def predict(self, batch: "NDArray[np.floating]") -> object:
        """Return the candidate's output for `batch`, a slice of what `prepare` returned.

        This is the timed call: exactly what a user of the runtime calls from Python to get the job's output. It returns
        only when the result is in the memory of the host: a runtime that works on a device waits for the device before
        it begins and before it returns, so that nothing which an earlier call left behind is timed, and nothing of
        this call is missed.
        """
        ...

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        """Return what `predict` returned for `row_count` rows as an array that it shares no memory with; never timed.

        Scores, probabilities and values: (rows, outputs) float64, with the columns of `predictions`. Labels: (rows,),
        as the runtime gives them.
        """
        ...

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores for `batch`, a slice of what `prepare` returned; never timed."""
        ...


@runtime_checkable
class LeanModel(Protocol):
    """An open model with a shorter way to the same output; optional."""

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> Sequence[Callable[[], object]]:
        """Return one call for each of `batches` (slices of what `prepare` returned), with everything bound beforehand.

        A call returns what `answer` takes; it may be overwritten by the next call of any of them.

        Raises:
            MltestError: there is none for this model; the message says why.

        """
        ...


@runtime_checkable
class NativeModel(Protocol):
    """An open model that can be called without Python, by the loop that the agent compiles; optional."""

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: Callable[[], Path]) -> "Form":
        """Return the form whose calls are made by the compiled loop over `batches` (slices of what `prepare` returned).

        `loop_library` compiles the loop if it is not there yet, and returns where it is.

        Raises:
            MltestError: there is none for this model; the message says why.

        """
        ...


@runtime_checkable
class ModelOfParameters(Protocol):
    """An open model that knows how large its parameters are; optional."""

    def parameter_bytes(self) -> int:
        """Return the bytes of its numbers as they lie in memory, without what manages them."""
        ...


@runtime_checkable
class ProvenRuntime(Protocol):
    """A runtime that may be missing although its modules can be imported; optional."""

    def obstacle(self) -> str:
        """Return what is missing, and what mends it; empty if nothing is. Asked where its modules are imported."""
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
