"""Readings as an agent would send them, of powers that a test chooses."""

from collections.abc import Sequence

from mltest.coordinator.analysis.energy_evidence import EnergyEvidence, RecordedRound
from mltest.shared.domain import DomainReadings, EnergyRecorded, EnergyWindow, EnergyWindowKind, RoundState
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.recording import spec_to_json

BASE_S, LOAD_S = 2.0, 4.0
IDLE_W = 15.0
STEP_J = 1e-4
QUIET = RoundState(foreign_cores=0.0)


def spec(
    *, domain_id: str = "cpu.package-0", scope: Scope = Scope.PACKAGE, meter: str = "rapl-powercap", gain: float = 0.02
) -> MeterSpec:
    """Return a counter of one domain, which changes once in a millisecond."""
    return MeterSpec(
        meter=meter,
        source="a test",
        kind=MeterKind.COUNTER,
        domains=(Domain(id=domain_id, scope=scope, resolution=STEP_J),),
        update_s=1e-3,
        gain_u_ratio=gain,
    )


def recorded(
    load_w: float,
    *,
    of: MeterSpec | None = None,
    candidate_id: str = "c",
    call_count: int = 100,
    try_index: int = 0,
    state: RoundState = QUIET,
    base_w: tuple[float, float] = (IDLE_W, IDLE_W),
) -> EnergyRecorded:
    """Return a round of one row for each call: base, load, base, with readings at every end."""
    meter = of or spec()
    spans = ((EnergyWindowKind.BEFORE, BASE_S, base_w[0]), (EnergyWindowKind.LOAD, LOAD_S, load_w))
    return _of_spans(
        (*spans, (EnergyWindowKind.AFTER, BASE_S, base_w[1])),
        meter,
        candidate_id=candidate_id,
        call_count=call_count,
        try_index=try_index,
        state=state,
    )


def recorded_idle(idle_w: float, *, of: MeterSpec | None = None, state: RoundState = QUIET) -> EnergyRecorded:
    """Return what was read of the agent alone."""
    return _of_spans(
        ((EnergyWindowKind.IDLE, BASE_S, idle_w),),
        of or spec(),
        candidate_id="",
        call_count=0,
        try_index=0,
        state=state,
    )


def energy_of(rounds: Sequence[EnergyRecorded], idle: Sequence[EnergyRecorded] = ()) -> EnergyEvidence:
    """Return one try for each round."""
    numbered = tuple(RecordedRound(round_index=index, recorded=one) for index, one in enumerate(rounds))
    return EnergyEvidence(
        rounds=numbered, idle=tuple(RecordedRound(round_index=index, recorded=one) for index, one in enumerate(idle))
    )


def _of_spans(
    spans: Sequence[tuple[EnergyWindowKind, float, float]],
    meter: MeterSpec,
    *,
    candidate_id: str,
    call_count: int,
    try_index: int,
    state: RoundState,
) -> EnergyRecorded:
    """Return windows of a kind, length in s and power in W, one right behind the other."""
    now_ns, energy_j = 10**9, 0.0
    windows, begin_ns, values = [], [now_ns], [energy_j]
    for kind, length_s, power_w in spans:
        end_ns = now_ns + round(length_s * 1e9)
        windows.append(EnergyWindow(kind=kind, begin_ns=now_ns, end_ns=end_ns))
        now_ns, energy_j = end_ns, energy_j + power_w * length_s
        begin_ns.append(now_ns)
        values.append(round(energy_j / STEP_J) * STEP_J)
    return EnergyRecorded(
        candidate_id=candidate_id,
        batch_size=1 if call_count else 0,
        try_index=try_index,
        meter_json=spec_to_json(meter),
        windows=tuple(windows),
        call_count=call_count,
        begin_ns=tuple(begin_ns),
        took_ns=(0,) * len(begin_ns),
        domains=(DomainReadings(domain_id=meter.domains[0].id, values=tuple(values)),),
        state=state,
    )
