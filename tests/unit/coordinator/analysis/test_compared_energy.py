"""Joules of two jobs side by side: in the same rounds by their ratios, and never across boundaries."""

from dataclasses import replace

import pytest

from mltest.coordinator.analysis.comparison import EARLIER_PREFIX, compare
from mltest.coordinator.analysis.measured import MeasuredJob
from mltest.shared.domain import Basis, Change, Difference
from tests.unit.coordinator.energies import energy_of, recorded
from tests.unit.coordinator.jobs_in_memory import FAST, FAST_NS, NATIVE, NATIVE_NS, measured_job, value_result

USUAL = {"native": NATIVE_NS, "fast": FAST_NS}
DRIFT_W = (0.0, 3.0, 1.0, 5.0, 2.0, 6.0, 4.0)
"""What a warming machine adds from round to round: to all candidates the same share."""


def job(job_id: str, value_j: float, **more: object) -> MeasuredJob:
    """Return a job in which `fast` takes some joules, known to a tenth."""
    energy = value_result(
        "fast",
        "gross_energy_j",
        value_j,
        **{"statistic": "mean", "batch_size": 1, "low": 0.9 * value_j, "high": 1.1 * value_j, **more},
    )
    return measured_job(job_id, USUAL, results=[energy])


def joules(before: MeasuredJob, after: MeasuredJob) -> Difference:
    (found,) = [one for one in compare(before, after).differences if one.metric == "gross_energy_j"]
    return found


def against(ratio: float) -> tuple[MeasuredJob, MeasuredJob]:
    """Return a job, and a later one that measured its candidate again, in the rounds of its own."""
    earlier = job("a", 1.0, boundary="cpu.package")
    later = job("b", ratio, boundary="cpu.package")
    old_id = EARLIER_PREFIX + FAST.candidate_id
    old = replace(FAST, candidate_id=old_id, from_job_id="a")
    energies = {
        (name, "lab"): energy_of([recorded(factor * (45.0 + drift_w)) for drift_w in DRIFT_W])
        for name, factor in ((old_id, 1.0), (FAST.candidate_id, ratio))
    }
    result = replace(later.results[-1], candidate_id=old_id, value=1.0, low=0.9, high=1.1)
    return earlier, replace(later, candidates=(NATIVE, FAST, old), results=(*later.results, result), energies=energies)


def test_joules_of_the_same_rounds_are_told_apart_by_less_than_their_error_bars() -> None:
    earlier, later = against(1.04)
    found = joules(earlier, later)

    assert later.results[-1].high is not None
    assert later.results[-1].high > 1.04, "the error bars overlap"
    assert (found.change, found.basis) == (Change.WORSE, Basis.PAIRED)
    assert found.ratio == pytest.approx(1.04, rel=1e-3)
    assert joules(*against(1.0)).change is Change.SAME


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"boundary": "cpu.package"}, {"boundary": "psys"}, "measured at cpu.package before and at psys now"),
        ({"boundary": "board"}, {"boundary": "board", "is_estimate": True}, "at board before and at board (estimate)"),
    ],
)
def test_joules_of_different_boundaries_are_never_compared(
    before: dict[str, object], after: dict[str, object], said: str
) -> None:
    found = joules(job("a", 1.0, **before), job("b", 5.0, **after))

    assert (found.change, found.ratio) == (Change.INCOMPARABLE, None)
    assert said in found.reason


def test_joules_of_two_days_at_one_boundary_are_compared_by_their_whole_error_bars() -> None:
    near, far = (joules(job("a", 1.0, boundary="psys"), job("b", value_j, boundary="psys")) for value_j in (1.1, 1.5))

    assert (near.change, far.change) == (Change.UNDECIDED, Change.WORSE)
