"""How right the error bars of many campaigns are."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from tests.energy.campaign import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of campaigns with one instrument."""

    count: int
    bias_ratio: float
    """Mean, scale and zero of the meter apart."""
    coverage_ratio: float
    """Share of error bars that hold the truth."""
    sound_ratio: float
    """Share of rounds that were not rejected."""
    u95_ratio: float
    """Mean width of an error bar, to one side."""


def summary_of(found: Iterable[Outcome], rounds: int) -> Summary:
    """Return what campaigns say together."""
    each = list(found)
    return Summary(
        count=len(each),
        bias_ratio=fmean(one.bias_ratio for one in each),
        coverage_ratio=fmean(one.is_covered for one in each),
        sound_ratio=fmean(one.sound_rounds / rounds for one in each),
        u95_ratio=fmean(one.result.uncertainty.u95 / one.true_j for one in each),
    )
