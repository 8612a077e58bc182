"""What a published number covers: domains of one meter, none of which contains another."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.errors import BoundaryInvalidError

_ALONE = (Scope.WALL, Scope.BOARD, Scope.MODULE, Scope.GPU, Scope.SIMULATED)
"""Scopes of which each domain is a boundary of its own."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A sum of domains; one that counts something twice cannot be made.

    Raises:
        BoundaryInvalidError: the meter has no such domain, or one contains another.

    """

    spec: MeterSpec
    name: str
    """Results are compared and ranked only at boundaries of the same name: cpu.package+dram."""
    domain_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if unknown := [name for name in self.domain_ids if name not in self.spec.by_id]:
            known = ", ".join(self.spec.by_id) or "nothing"
            raise BoundaryInvalidError(boundary=self.name, detail=f"{self.spec.meter} has no {unknown[0]}, but {known}")
        if not self.domain_ids:
            raise BoundaryInvalidError(boundary=self.name, detail="it covers nothing")
        for index, one in enumerate(self.domain_ids):
            for other in self.domain_ids[index + 1 :]:
                if one == other or contains(self.spec, one, other) or contains(self.spec, other, one):
                    raise BoundaryInvalidError(boundary=self.name, detail=f"{one} and {other} share energy")

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains that are added up."""
        return tuple(self.spec.by_id[name] for name in self.domain_ids)

    @property
    def leaves(self) -> tuple[tuple[Domain, float], ...]:
        """What is read for it, each with the factor that it counts with."""
        return tuple(leaf for domain in self.domains for leaf in _leaves(self.spec, domain, 1.0))

    @property
    def added_w(self) -> float:
        """What is added to the sum of the leaves."""
        return math.fsum(domain.added_w for domain in self.domains)

    @property
    def resolution(self) -> float:
        """Smallest steps of all leaves together, in joules or watts: independent of each other."""
        return math.hypot(*(factor * leaf.resolution for leaf, factor in self.leaves))

    @property
    def offset_u_w(self) -> float:
        """Standard uncertainty of the zero of the sum."""
        own = (domain.offset_u_w for domain in self.domains if domain.parts)
        return math.hypot(*own, *(factor * leaf.offset_u_w for leaf, factor in self.leaves))


def contains(spec: MeterSpec, outer: str, inner: str) -> bool:
    """Return whether the energy of `inner` is part of that of `outer`."""
    return any(outer in _above(spec, name) for name in (inner, *_below(spec, inner))) or bool(
        set(_below(spec, outer)) & {inner, *_below(spec, inner)}
    )


def boundaries(spec: MeterSpec) -> tuple[Boundary, ...]:
    """Return what results of a meter may be published for, the preferred one first.

    Packages with their memory come before the whole board, so that machines with and without such a counter can be
    compared. Single rails, cores and what nobody knows are no boundaries.
    """
    packages = [domain.id for domain in spec.domains if domain.scope is Scope.PACKAGE]
    drams = [domain.id for domain in spec.domains if domain.scope is Scope.DRAM]
    found = []
    if packages:
        found.append(Boundary(spec, "cpu.package+dram" if drams else "cpu.package", (*packages, *drams)))
    alone = [domain for domain in spec.domains if domain.scope in _ALONE]
    return (*found, *(Boundary(spec, domain.id, (domain.id,)) for domain in alone))


def _above(spec: MeterSpec, name: str) -> set[str]:
    """Return the ids of everything that contains a domain; a circle ends where it began."""
    found: set[str] = set()
    parent = spec.by_id[name].parent if name in spec.by_id else ""
    while parent and parent not in found:
        found.add(parent)
        parent = spec.by_id[parent].parent if parent in spec.by_id else ""
    return found


def _below(spec: MeterSpec, name: str) -> set[str]:
    """Return the ids of everything that a domain is the sum of."""
    domain = spec.by_id.get(name)
    parts = domain.parts if domain else ()
    return {found for part in parts for found in (part, *_below(spec, part))}


def _leaves(spec: MeterSpec, domain: Domain, factor: float) -> Iterator[tuple[Domain, float]]:
    if not domain.parts:
        yield domain, factor
    for part in domain.parts:
        yield from _leaves(spec, spec.by_id[part], factor * domain.factor)
