"""All that was recorded of the energy of one candidate on one agent, and the rounds that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from mltest.shared.domain import EnergyRecorded, EnergyWindowKind
from mltest.shared.energy.boundary import Boundary, boundaries
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.recorded import recorded_idle, recorded_round
from mltest.shared.energy.recording import spec_from_json
from mltest.shared.energy.rounds import RoundEnergy
from mltest.shared.energy.window_energy import WindowEnergy


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRound:
    """One try of one round."""

    round_index: int
    recorded: EnergyRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCell:
    """One batch size at one boundary of one meter."""

    boundary: Boundary
    rounds: tuple[RoundEnergy, ...]
    """Of each round the first try that is sound."""
    rejected: Mapping[int, Absent]
    """Rounds of which no try is sound, with the reason of the last."""
    call_count: int
    """Of each window."""
    base_s: float
    """Mean length of the windows in which the model was loaded and idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleCell:
    """The agent alone, at one boundary of one meter."""

    boundary: Boundary
    windows: tuple[WindowEnergy, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyEvidence:
    """What is stored; everything else is computed from it."""

    rounds: tuple[RecordedRound, ...] = ()
    """Every try of every round of the candidate."""
    idle: tuple[RecordedRound, ...] = ()
    """The same of the agent alone."""
    absence: str = ""
    """Why nothing was recorded, or not in every round, and what would mend that; empty if that is so."""

    @cached_property
    def cells(self) -> Mapping[tuple[int, str], EnergyCell]:
        """What there is, by batch size and name of the boundary, the preferred boundary of each meter first."""
        found: dict[tuple[int, str], EnergyCell] = {}
        for spec, batch_size, tries in _grouped(self.rounds):
            for boundary in boundaries(spec):
                found.setdefault((batch_size, boundary_name(boundary)), _cell(boundary, tries))
        return found

    @cached_property
    def idle_cells(self) -> Mapping[str, IdleCell]:
        """Power of the agent alone, by name of the boundary."""
        found: dict[str, IdleCell] = {}
        for spec, _, tries in _grouped(self.idle):
            for boundary in boundaries(spec):
                each = (recorded_idle(one.recorded, boundary) for one in tries)
                windows = {
                    one.round_index: w for one, w in zip(tries, each, strict=True) if isinstance(w, WindowEnergy)
                }
                found.setdefault(boundary_name(boundary), IdleCell(boundary=boundary, windows=tuple(windows.values())))
        return found


NO_ENERGY = EnergyEvidence()


def boundary_name(boundary: Boundary) -> str:
    """Return the name under which results are ranked: an estimate is never beside what was measured."""
    return f"{boundary.name} (estimate)" if boundary.spec.is_estimate else boundary.name


def _cell(boundary: Boundary, tries: Sequence[RecordedRound]) -> EnergyCell:
    sound: dict[int, RoundEnergy] = {}
    rejected: dict[int, Absent] = {}
    for one in sorted(tries, key=lambda one: (one.round_index, one.recorded.try_index)):
        if one.round_index in sound:
            continue
        found = recorded_round(one.recorded, boundary, one.round_index)
        if isinstance(found, Absent):
            rejected[one.round_index] = found
        else:
            sound[one.round_index] = found
            rejected.pop(one.round_index, None)
    return EnergyCell(
        boundary=boundary,
        rounds=tuple(sound.values()),
        rejected=rejected,
        call_count=max((one.recorded.call_count for one in tries), default=0),
        base_s=fmean(_base_s(one.recorded) for one in tries),
    )


def _base_s(recorded: EnergyRecorded) -> float:
    spans = [one.end_ns - one.begin_ns for one in recorded.windows if one.kind is not EnergyWindowKind.LOAD]
    return max(fmean(spans) if spans else 0.0, 1.0) / 1e9


def _grouped(tries: Sequence[RecordedRound]) -> list[tuple[MeterSpec, int, list[RecordedRound]]]:
    """Return the tries of each meter and batch size, with the specification that came first."""
    specs: dict[str, MeterSpec] = {}
    groups: dict[tuple[str, str, int], list[RecordedRound]] = {}
    for one in tries:
        text = one.recorded.meter_json
        spec = specs.get(text) or specs.setdefault(text, spec_from_json(text))
        groups.setdefault((spec.meter, spec.source, one.recorded.batch_size), []).append(one)
    return [(specs[group[0].recorded.meter_json], size, group) for (_, _, size), group in groups.items()]
