"""The role of a transform: it makes another model of a model, in the builder's child, before any exporter.

Transforms are registered by decorator here, or from outside by the entry point group `mltest.transforms`; a module
imports its library inside `apply` only, so that the coordinator can read what each takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import Task

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformNeeds:
    """What a transform says of itself without being imported; recipes are pruned on this."""

    name: str
    """As in recipes and labels, without spaces: "prune-trees"."""
    formats: tuple[str, ...]
    """Model formats that it takes, and leaves as they are."""
    variants: tuple[Variant, ...]
    """Each gives a model; the label of one is its name behind the transform's: "prune-trees 32"."""
    templates: tuple[Variant, ...] = ()
    """Ways that take a size, with `SIZE` where it stands: what a plan that names sizes makes instead of `variants`."""
    families: tuple[str, ...] = ()
    """Families that it takes; empty means: all."""
    tasks: tuple[Task, ...] = ()
    """Tasks that it takes; empty means: both."""
    takes: str = "every model"
    """The families in words, for people."""
    packages: tuple[str, ...] = ()
    """Distributions that do the work; their versions are part of the key of the artifact cache."""


class Transform(Protocol):
    """Makes another model of a model; the same model, options and rows give the same model."""

    needs: TransformNeeds

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the other model: opened, or as the file `target` if it was written there (ONNX).

        Args:
            source: the model as submitted; `source.native` stays as it is, other candidates are made from it.
            options: of the variant.
            target: where a new file goes.

        Raises:
            ConversionError: why this model cannot be transformed so.

        """
        ...
