"""The exporters that this software knows of; describing them imports no ML library."""

from dataclasses import replace

from mltest.coordinator.builder.exporters.role import Exporter, ExporterNeeds
from mltest.coordinator.builder.exporters.tool import absence_of
from mltest.shared.domain import Candidate
from mltest.shared.errors import ConversionError
from mltest.shared.plugins import Registry

_REGISTRY: Registry[Exporter] = Registry(
    group="mltest.exporters",
    package="mltest.coordinator.builder.exporters",
    name_of=lambda found: found.needs.name,
)


def exporter(adapter: type[Exporter]) -> type[Exporter]:
    """Register an exporter: a decorator for its class, which is made without arguments."""
    _REGISTRY.add(adapter())
    return adapter


def exporters() -> tuple[Exporter, ...]:
    """Return every exporter, those of this project first."""
    return tuple(_REGISTRY.all().values())


def exporter_needs() -> tuple[ExporterNeeds, ...]:
    """Return what each exporter says of itself, and whether what it needs is here."""
    return tuple(replace(found.needs, absence=absence_of(found.needs)) for found in exporters())


def exporter_of(candidate: Candidate) -> Exporter:
    """Return the exporter that makes the artifact of `candidate`.

    Raises:
        ConversionError: this software does not know it.

    """
    known = _REGISTRY.all()
    if candidate.exporter not in known:
        raise ConversionError(converter=candidate.exporter or "no exporter", detail="it is not installed here")
    return known[candidate.exporter]
