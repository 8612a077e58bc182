"""From what an agent recorded around one candidate to joules: on the agent, in the analysis, and years later."""

from collections.abc import Sequence

from mltest.shared.domain import DomainReadings, EnergyRecorded, EnergyWindow, EnergyWindowKind
from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Absent, Reading, Window
from mltest.shared.energy.rounds import RoundEnergy, RoundWindows, round_energy
from mltest.shared.energy.soundness import unsound_reason
from mltest.shared.energy.window_energy import WindowEnergy, window_energy


def domains_of(spec: MeterSpec, readings: Sequence[Reading]) -> tuple[DomainReadings, ...]:
    """Return the numbers of `readings` by domain, or why it has none; one of which neither is known is left out."""
    told = [domain.id for domain in spec.domains if any(domain.id in {*one.values, *one.absent} for one in readings)]
    return tuple(
        DomainReadings(
            domain_id=name,
            values=tuple(one.values.get(name, 0.0) for one in readings),
            absent_places=tuple(place for place, one in enumerate(readings) if name not in one.values),
            absent_reason=next((one.absent[name] for one in reversed(readings) if name in one.absent), ""),
        )
        for name in told
    )


def readings_of(recorded: EnergyRecorded) -> tuple[Reading, ...]:
    """Return the readings that were recorded.

    Raises:
        ValueError: the columns do not have the same length.

    """
    columns = [(one.domain_id, one.values, frozenset(one.absent_places)) for one in recorded.domains]
    reasons = {one.domain_id: one.absent_reason for one in recorded.domains if one.absent_reason}
    if any(len(values) != len(recorded.begin_ns) for _, values, _ in columns):
        raise ValueError("a domain has not one value for each reading")
    return tuple(
        Reading(
            begin_ns=begin_ns,
            end_ns=begin_ns + took_ns,
            values={name: values[place] for name, values, absent in columns if place not in absent},
            absent={name: reasons[name] for name, _, absent in columns if place in absent and name in reasons},
        )
        for place, (begin_ns, took_ns) in enumerate(zip(recorded.begin_ns, recorded.took_ns, strict=True))
    )


def recorded_round(recorded: EnergyRecorded, boundary: Boundary, round_index: int) -> RoundEnergy | Absent:
    """Return the joules of one round at `boundary`, which is one of the recorded meter; absent if it is not sound."""
    if reason := unsound_reason(recorded.state):
        return reason
    spans = [_span(recorded, kind) for kind in _ROUND_KINDS]
    before, load, after = spans
    if before is None or load is None or after is None:
        return Absent("a window was not recorded")
    windows = RoundWindows(
        round_index=round_index,
        before=before,
        load=load,
        after=after,
        inference_count=recorded.call_count * recorded.batch_size,
    )
    return round_energy(boundary, readings_of(recorded), windows)


def recorded_idle(recorded: EnergyRecorded, boundary: Boundary) -> WindowEnergy | Absent:
    """Return what the machine used while only the agent was there; absent if that was not so."""
    if reason := unsound_reason(recorded.state):
        return reason
    span = _span(recorded, EnergyWindowKind.IDLE)
    return (
        Absent("idle power was not recorded") if span is None else window_energy(boundary, readings_of(recorded), span)
    )


_ROUND_KINDS = (EnergyWindowKind.BEFORE, EnergyWindowKind.LOAD, EnergyWindowKind.AFTER)


def _span(recorded: EnergyRecorded, kind: EnergyWindowKind) -> Window | None:
    found: EnergyWindow | None = next((one for one in recorded.windows if one.kind is kind), None)
    return None if found is None else Window(begin_ns=found.begin_ns, end_ns=found.end_ns)
