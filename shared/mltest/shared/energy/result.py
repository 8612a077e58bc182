"""A published number of joules or watts, with its error bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import hypot, sqrt
from statistics import fmean

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.rounds import RoundEnergy
from mltest.shared.energy.uncertainty import Uncertainty, expanded, staleness_u, statistical_part, type_b_u
from mltest.shared.units import measured_text

MIN_ROUNDS = 5
"""Fewer do not make an interval that holds."""


class Quantity(Enum):
    """Which joules."""

    GROSS = "gross"
    """All that the boundary used, as MLPerf Power counts."""
    NET = "net"
    """Above what it uses while the model is loaded and nothing is inferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyResult:
    """A mean over rounds."""

    value: float
    """Joules for one inference, or watts."""
    unit: str
    """J or W."""
    uncertainty: Uncertainty
    round_count: int
    boundary: str
    meter: str
    is_estimate: bool

    @property
    def is_below_resolution(self) -> bool:
        """Whether zero lies within the error bar: then only `upper` may be told."""
        return self.value <= self.uncertainty.u95

    @property
    def upper(self) -> float:
        """What it is at most."""
        return max(self.value, 0.0) + self.uncertainty.u95

    def text(self) -> str:
        """Return it for people: 0.412 ± 0.019 J (95 %, R=7, stat 0.006, boundary cpu.package+dram, meter rapl-perf)."""
        behind = f"boundary {self.boundary}, meter {self.meter}{', estimate' if self.is_estimate else ''}"
        if self.is_below_resolution:
            return f"below {measured_text(self.upper, 0.0, self.unit)} (95 %, R={self.round_count}, {behind})"
        value, statistical = (
            measured_text(self.value, self.uncertainty.u95, self.unit),
            measured_text(self.uncertainty.statistical, 0.0, self.unit),
        )
        return f"{value} (95 %, R={self.round_count}, stat {statistical}, {behind})"


def energy_result(boundary: Boundary, rounds: Sequence[RoundEnergy], quantity: Quantity) -> EnergyResult | Absent:
    """Return joules for one inference; absent if there are too few rounds."""
    if len(rounds) < MIN_ROUNDS:
        return _too_few(len(rounds))
    is_net = quantity is Quantity.NET
    values = [one.net_j if is_net else one.gross_j for one in rounds]
    mean_j = fmean(values)
    statistical = statistical_part(values, staleness_u(boundary, rounds))
    u_b = type_b_u(boundary, rounds, mean_j, is_net=is_net)
    return _result(boundary, mean_j, "J", expanded(statistical, u_b), len(rounds))


def power_result(boundary: Boundary, powers_w: Sequence[float], duration_s: float) -> EnergyResult | Absent:
    """Return mean power: idle, or with a loaded model.

    Args:
        boundary: of the meter.
        powers_w: one mean power for each window.
        duration_s: of one window.

    """
    if len(powers_w) < MIN_ROUNDS:
        return _too_few(len(powers_w))
    mean_w = fmean(powers_w)
    is_counter = boundary.spec.kind is MeterKind.COUNTER
    step_u = boundary.resolution / (sqrt(6) * duration_s if is_counter else sqrt(12))
    u_b = hypot(boundary.spec.gain_u_ratio * mean_w, boundary.offset_u_w, step_u)
    floor_u = abs(mean_w) * boundary.spec.update_s / (duration_s * sqrt(6) * sqrt(len(powers_w)))
    return _result(boundary, mean_w, "W", expanded(statistical_part(powers_w, floor_u), u_b), len(powers_w))


def _result(boundary: Boundary, value: float, unit: str, uncertainty: Uncertainty, count: int) -> EnergyResult:
    return EnergyResult(
        value=value,
        unit=unit,
        uncertainty=uncertainty,
        round_count=count,
        boundary=boundary.name,
        meter=boundary.spec.meter,
        is_estimate=boundary.spec.is_estimate,
    )


def _too_few(count: int) -> Absent:
    return Absent(f"{count} of at least {MIN_ROUNDS} rounds are sound", f"measure at least {MIN_ROUNDS} rounds")
