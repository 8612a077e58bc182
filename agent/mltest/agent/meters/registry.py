"""The kinds of meters that this software knows of."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from mltest.agent.meters.role import Meter, MeterKind, MeterSite, Unavailable
from mltest.shared.energy.domain import Scope
from mltest.shared.energy.spec_check import spec_problem
from mltest.shared.plugins import Registry

_LOG = logging.getLogger(__name__)

_REGISTRY: Registry[MeterKind] = Registry(
    group="mltest.meters", package="mltest.agent.meters", name_of=lambda kind: kind.name
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMeters:
    """What there is, and what there is not."""

    meters: tuple[Meter, ...]
    unavailable: tuple[Unavailable, ...]


def meter_kind(kind: type[MeterKind]) -> type[MeterKind]:
    """Register a kind of meter: a decorator for its class, which is made without arguments."""
    _REGISTRY.add(kind())
    return kind


def meter_kinds() -> Mapping[str, MeterKind]:
    """Return every kind by name, those of this project first."""
    return _REGISTRY.all()


def discovered(site: MeterSite) -> FoundMeters:
    """Return every meter of `site`, and why others cannot be used; a kind that fails is one of those."""
    meters: list[Meter] = []
    unavailable: list[Unavailable] = []
    for name, kind in meter_kinds().items():
        try:
            found = kind.discover(site)
        except Exception as error:
            _LOG.warning("meters of kind %s cannot be looked for", name, exc_info=True)
            found = [Unavailable(meter=name, reason=f"looking for it failed: {error}")]
        for one in found:
            if isinstance(one, Unavailable):
                unavailable.append(one)
            elif problem := spec_problem(one.spec):
                unavailable.append(Unavailable(meter=name, reason=f"nobody can say what it covers: {problem}"))
            else:
                meters.append(one)
    walls = [one for one in meters if any(domain.scope is Scope.WALL for domain in one.spec.domains)]
    if len(walls) > 1:
        meters = [one for one in meters if one not in walls]
        unavailable += [_one_of_several(one, len(walls)) for one in walls]
    unavailable += _plugs_of_nobody(site)
    return FoundMeters(meters=tuple(meters), unavailable=tuple(unavailable))


def _one_of_several(meter: Meter, count: int) -> Unavailable:
    """Return why a plug is not used beside others: nobody knows whether one supplies all of the machine."""
    return Unavailable(
        meter=meter.spec.meter,
        reason=f"{meter.spec.source}: it is one of {count} plugs, and each would be all of the machine",
        remedy="name only the plug that supplies this machine, in MLTEST_PLUGS or with --plug",
    )


def _plugs_of_nobody(site: MeterSite) -> list[Unavailable]:
    """Return the plugs of `site` whose kind is unknown, as by a slip of the pen."""
    kinds = [(plug, plug.partition("=")[0]) for plug in site.plugs]
    known = ", ".join(meter_kinds())
    return [
        Unavailable(meter=kind or "plug", reason=f"{plug}: no kind of meter is called {kind!r}, but {known}")
        for plug, kind in kinds
        if kind not in meter_kinds()
    ]
