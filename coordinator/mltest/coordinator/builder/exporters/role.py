"""The role of an exporter: it turns an opened model into an artifact, in the builder's child.

Exporters are registered by decorator here, or from outside by the entry point group `mltest.exporters`; a module
imports its library inside `export` only, so that the coordinator can read what each takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import ModelInfo, Task

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel


_NETWORKS = ("network", "mlp", "cnn")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterNeeds:
    """What an exporter says of itself without being imported; recipes are pruned on this."""

    name: str
    """As in recipes."""
    runtimes: tuple[str, ...]
    """Runtimes that execute what it makes."""
    network_runtimes: tuple[str, ...] = ()
    """Further runtimes, which execute what it makes of networks."""
    formats: Mapping[str, str]
    """From each model format that it takes to the artifact format that it makes."""
    families: tuple[str, ...] = ()
    """Families that it takes; empty means: all."""
    tasks: tuple[Task, ...] = ()
    """Tasks that it takes; empty means: both."""
    takes: str = "every model"
    """The families in words, for people."""
    is_native: bool = False
    """Whether the artifact is the model as submitted."""
    is_single_threaded: bool = False
    """Whether its artifacts run in one thread, whatever the plan says: two would be the same candidate again."""
    variants: tuple[Variant, ...] = (Variant(),)
    """Each is a candidate of its own, in this order."""
    packages: tuple[str, ...] = ()
    """Distributions that do the work; their versions are part of the key of the artifact cache."""
    tool: str = ""
    """Program of others that makes the artifact of what `export` writes, in a process of its own."""
    extra: str = ""
    """Extra of this project that installs them where artifacts are made; empty means: the builder always has them."""
    machines: tuple[str, ...] = ()
    """Architectures (uname -m) that they exist for, of the machine that makes artifacts; empty means: all."""
    absence: str = ""
    """Why they cannot be used here, and what mends it; empty if they can. Registries fill it in."""

    @property
    def all_runtimes(self) -> tuple[str, ...]:
        """Every runtime that executes something of what it makes."""
        return (*self.runtimes, *self.network_runtimes)

    def runtimes_for(self, family: str) -> tuple[str, ...]:
        """Return the runtimes that execute what it makes of a model of `family`."""
        return self.all_runtimes if family in _NETWORKS else self.runtimes

    @property
    def remedy(self) -> str:
        """The command that installs what does the work."""
        return f"pip install 'mltest-fleet[{self.extra or 'builder'}]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """The model that is to be exported."""

    path: Path
    """The file as submitted, or as a transform wrote it."""
    info: ModelInfo
    """Of the model as submitted."""
    native: "NativeModel | None"
    """The opened estimator; None for a file of another library than scikit-learn."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the variant."""
    rows: Path | None = None
    """Dataset as agents get it, an .npz with X (rows, features) and, where given, y (rows,): class positions or values.
    None unless the variant (or the transform's) says that it uses rows; read it inside `export` only."""
    is_transformed: bool = False
    """Whether `native` is no longer what is in `path`: `native_file.write_native` writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came out."""

    input_dtype: str
    """Type in which the runtime gets X: float32 or float64."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For the runtime adapter, beside those of the variant."""


class Exporter(Protocol):
    """Turns models of some kinds into artifacts of one format; the same model gives the same bytes."""

    needs: ExporterNeeds

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Write the artifact to `target`.

        Raises:
            ConversionError: why this model cannot be turned into it.

        """
        ...
