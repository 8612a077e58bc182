"""The transforms that this software knows of; describing them imports no ML library."""

from dataclasses import replace
from pathlib import Path

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.transform_sizes import sized_variant
from mltest.coordinator.builder.transforms.role import Transform, TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.shared.errors import ConversionError
from mltest.shared.plugins import Registry

_REGISTRY: Registry[Transform] = Registry(
    group="mltest.transforms",
    package="mltest.coordinator.builder.transforms",
    name_of=lambda found: found.needs.name,
)


def transform(adapter: type[Transform]) -> type[Transform]:
    """Register a transform: a decorator for its class, which is made without arguments."""
    _REGISTRY.add(adapter())
    return adapter


def transforms() -> tuple[Transform, ...]:
    """Return every transform, those of this project first."""
    return tuple(_REGISTRY.all().values())


def transform_needs() -> tuple[TransformNeeds, ...]:
    """Return what each transform says of itself."""
    return tuple(found.needs for found in transforms())


def transform_label(needs: TransformNeeds, variant: Variant) -> str:
    """Return the name of one variant of a transform: "prune-trees 32"."""
    return f"{needs.name} {variant.name}".strip()


def transformed(source: ExportSource, label: str, target: Path) -> ExportSource:
    """Return the model that the transform `label` makes of `source`; `target` is where it may write a file.

    Raises:
        ConversionError: this software does not know it, or why this model cannot be transformed so.

    """
    found = _REGISTRY.all().get(label.partition(" ")[0])
    variant = None if found is None else _variant(found.needs, label)
    if found is None or variant is None:
        raise ConversionError(converter=label, detail="it is not installed here")
    made = found.apply(source, variant.options, target)
    if isinstance(made, Path):
        return replace(source, path=made, native=None)
    return replace(source, native=made, is_transformed=True)


def _variant(needs: TransformNeeds, label: str) -> Variant | None:
    own = (one for one in needs.variants if transform_label(needs, one) == label)
    return next(own, None) or sized_variant(needs, label)
