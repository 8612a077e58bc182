"""Meters for people, and as data. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from mltest.agent.meters.registry import FoundMeters
from mltest.agent.meters.role import Unavailable
from mltest.shared.domain import MeterInfo
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.jsonable import to_jsonable
from mltest.shared.units import measured_text, seconds_text

_UNRANKED = "nothing that is ranked"


def meters_text(found: FoundMeters, emulator: str = "") -> str:
    """Return each meter with what it covers and how exactly, then what cannot be used and why.

    If an `emulator` plays the processor, that comes first.
    """
    blocks = ["\n".join(_meter_lines(meter.spec)) for meter in found.meters]
    lines = [line for one in found.unavailable for line in _unavailable_lines(one)]
    blocks += ["\n".join(["not usable", *lines])] if lines else []
    blocks = [f"invalid: {emulated_text(emulator)}", *blocks] if emulator else blocks
    return "\n\n".join(blocks)


def meters_data(found: FoundMeters, emulator: str = "") -> dict[str, Any]:
    """Return the same as JSON takes it."""
    return {
        **({"invalid": emulated_text(emulator)} if emulator else {}),
        "meters": [
            {
                "spec": to_jsonable(meter.spec),
                "boundaries": {one.name: one.domain_ids for one in boundaries(meter.spec)},
            }
            for meter in found.meters
        ],
        "unavailable": [to_jsonable(one) for one in found.unavailable],
    }


def emulated_text(emulator: str) -> str:
    """Return why nothing is measured where a program plays the processor."""
    return f"{emulator} plays the processor: what is measured here is not of such a machine"


def meter_infos(found: FoundMeters, emulator: str = "") -> tuple[MeterInfo, ...]:
    """Return what an agent says of its meters; of those that cannot be read, the ones that a command would grant.

    None can be used where an `emulator` plays the processor.
    """
    if emulator:
        return tuple(
            MeterInfo(
                name=meter.spec.meter,
                source=meter.spec.source,
                is_available=False,
                reason=emulated_text(emulator),
                remedy="run mltest-agent on the machine itself",
            )
            for meter in found.meters
        )
    usable = (
        MeterInfo(
            name=meter.spec.meter,
            source=meter.spec.source,
            is_available=True,
            boundaries=tuple(one.name for one in boundaries(meter.spec)),
            is_estimate=meter.spec.is_estimate,
            update_s=meter.spec.update_s,
            update_origin=meter.spec.update_origin.value,
        )
        for meter in found.meters
    )
    granted = (
        MeterInfo(name=one.meter, is_available=False, reason=one.reason, remedy=one.remedy)
        for one in found.unavailable
        if one.remedy
    )
    return (*usable, *granted)


def _meter_lines(spec: MeterSpec) -> Iterator[str]:
    yield f"{spec.meter}: {spec.source}"
    for one in boundaries(spec):
        parts = [part for domain in one.domains for part in (domain.parts or (domain.id,))]
        yield f"  covers {one.name}" + (f" = {' + '.join(parts)}" if parts != [one.name] else "")
    if not boundaries(spec):
        yield f"  covers {_UNRANKED}"
    yield f"  {', '.join(_facts(spec))}"
    yield from (f"    {_domain_text(domain, spec.kind)}" for domain in spec.domains)
    if spec.note:
        yield f"  note: {spec.note}"


def _facts(spec: MeterSpec) -> Iterator[str]:
    yield "counts joules" if spec.kind is MeterKind.COUNTER else "tells watts"
    yield f"changes every {seconds_text(spec.update_s)} ({spec.update_origin.value})"
    if spec.averaging_s:
        yield f"averages over {seconds_text(spec.averaging_s)}"
    yield f"scale known to {200 * spec.gain_u_ratio:.2g} % (95 %)"
    if spec.floor_s:
        yield f"windows from {seconds_text(spec.floor_s)}"
    if spec.heartbeat_s is not None:
        yield f"read at least every {seconds_text(spec.heartbeat_s)}"
    if spec.is_estimate:
        yield "an estimate"


def _domain_text(domain: Domain, kind: MeterKind) -> str:
    unit = "J" if kind is MeterKind.COUNTER else "W"
    facts = [domain.scope.value]
    facts += [f"in {domain.parent}"] if domain.parent else []
    facts += [f"steps of {measured_text(domain.resolution, 0.0, unit)}"] if domain.resolution else []
    facts += [f"wraps at {domain.wrap_j:.0f} J"] if domain.wrap_j is not None else []
    facts += [f"zero known to {measured_text(2 * domain.offset_u_w, 0.0, 'W')}"] if domain.offset_u_w else []
    return f"{domain.id}: {', '.join(facts)}"


def _unavailable_lines(one: Unavailable) -> Sequence[str]:
    return [f"  {one.meter}: {one.reason}", *([f"    $ {one.remedy}"] if one.remedy else [])]
