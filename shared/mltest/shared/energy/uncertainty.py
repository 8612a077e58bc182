"""How far a mean over rounds may be from the truth: what rounds show (type A), and what no round can show (type B).

Source: JCGM 100:2008 (GUM), with the terms that meters of computers need.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.rounds import RoundEnergy
from mltest.shared.statistics.intervals import spread
from mltest.shared.statistics.student import t_quantile

_COVERAGE_FACTOR = 2.0
"""Of the type B part, for 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Half-widths of 95 % intervals, in the unit of the mean."""

    u95: float
    """Everything together."""
    statistical: float
    """What would shrink with more rounds."""
    type_b: float
    """What would not: 2 u_B."""


def expanded(statistical: float, u_b: float) -> Uncertainty:
    """Return U95 = sqrt(U_stat² + (2 u_B)²)."""
    type_b = _COVERAGE_FACTOR * u_b
    return Uncertainty(u95=math.hypot(statistical, type_b), statistical=statistical, type_b=type_b)


def statistical_part(values: Sequence[float], floor_u: float = 0.0) -> float:
    """Return t(0.975, R-1) times the standard error of the mean of at least two values, one for each round.

    `floor_u` is the standard error that the meter's law makes inevitable: few rounds may agree by chance.
    """
    standard_error = max(spread(values) / math.sqrt(len(values)), floor_u)
    return t_quantile(0.975, len(values) - 1) * standard_error


def staleness_u(boundary: Boundary, rounds: Sequence[RoundEnergy]) -> float:
    """Return the standard error of the mean that comes from reading a counter which is up to one period old.

    sd(E) / E = period / (T sqrt 6) for each window: two ends, each late by a uniform part of a period.
    """
    each = [one.gross_j * boundary.spec.update_s / (one.duration_s * math.sqrt(6)) for one in rounds]
    return fmean(each) / math.sqrt(len(each))


def type_b_u(boundary: Boundary, rounds: Sequence[RoundEnergy], mean_j: float, *, is_net: bool) -> float:
    """Return u_B of joules for one inference: gain, zero (it cancels in net), steps of the meter, a drifting base."""
    time_s = fmean(one.duration_s / one.inference_count for one in rounds)
    terms = [boundary.spec.gain_u_ratio * mean_j, resolution_u(boundary, rounds, is_net=is_net)]
    if is_net:
        change_w = fmean(abs(one.base_change_w) for one in rounds)
        terms.append(change_w * time_s / math.sqrt(12))
    else:
        terms.append(boundary.offset_u_w * time_s)
    return math.hypot(*terms)


def resolution_u(boundary: Boundary, rounds: Sequence[RoundEnergy], *, is_net: bool) -> float:
    """Return what the steps of a meter leave open, in joules for one inference.

    A counter is off by up to one step at both ends of a window, step / sqrt 6. Averaging does not help a power meter
    with a steady load: step / sqrt 12 all the time, and for net once more in the base.
    """
    if boundary.spec.kind is MeterKind.COUNTER:
        return boundary.resolution / math.sqrt(6) * fmean(1 / one.inference_count for one in rounds)
    time_s = fmean(one.duration_s / one.inference_count for one in rounds)
    return boundary.resolution / math.sqrt(12) * time_s * (math.sqrt(2) if is_net else 1.0)
